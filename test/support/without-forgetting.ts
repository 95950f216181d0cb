import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { endianness } from 'node:os';

/** fadvise64, by machine. */
const calls: Readonly<Record<string, number>> = { x64: 221, arm64: 223 };
/** EOPNOTSUPP as what a filter of system calls gives. */
const refused = 0x0005_0000 | 95;
const allowed = 0x7fff_0000;

/**
 * The command with the kernel answering `posix_fadvise` as a file system does that does not know it. Needs bwrap. `folder` gets the
 * filter, a program of classic BPF.
 */
export function withoutForgetting(folder: string, command: readonly string[]): string[] {
  const call = calls[process.arch];
  if (call === undefined || endianness() !== 'LE')
    throw new Error('The number of the call is not known here');
  const filter = join(folder, 'filter');
  writeFileSync(
    filter,
    Buffer.concat([
      instruction(0x20, 0),
      instruction(0x15, call, 0, 1),
      instruction(0x06, refused),
      instruction(0x06, allowed),
    ]),
  );
  const wrap = 'exec bwrap --dev-bind / / --cap-add ALL --seccomp 3 -- "$@" 3<"$0"';
  return ['sh', '-c', wrap, filter, ...command];
}

/** struct sock_filter; jumps count instructions from the next one. */
function instruction(code: number, value: number, ifTrue = 0, ifFalse = 0): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(ifTrue, 2);
  bytes.writeUInt8(ifFalse, 3);
  bytes.writeUInt32LE(value, 4);
  return bytes;
}
