/** What the kernel makes of a file that is to run, by its first bytes. */
export type ExecutableKind =
  | { readonly kind: 'elf'; readonly machine: number; readonly loader?: string | undefined }
  | { readonly kind: 'script'; readonly interpreter: string }
  | { readonly kind: 'none' };

/** What is read of a file: far more program headers than a linker makes, and the loader's name. */
export const executableHeadBytes = 4096;

const elfMagic = 0x7f454c46;
const ptInterp = 3;

/** Numbers of ELF machines that run here: e_machine, each with the 32-bit one that its kernels run too. */
export const machinesOf: Readonly<Record<string, readonly number[]>> = { x64: [62, 3], arm64: [183, 40] };

/** elf(5), execve(2). The loader is told of 64-bit, little-endian programs only. */
export function executableKind(head: Buffer): ExecutableKind {
  if (head.length >= 20 && head.readUInt32BE(0) === elfMagic) {
    const isLittle = head[5] === 1;
    const machine = isLittle ? head.readUInt16LE(18) : head.readUInt16BE(18);
    return { kind: 'elf', machine, loader: isLittle && head[4] === 2 ? loaderOf(head) : undefined };
  }
  const [, interpreter] = /^#![ \t]*([^ \t\n]+)/.exec(head.toString('latin1', 0, 256)) ?? [];
  return interpreter === undefined ? { kind: 'none' } : { kind: 'script', interpreter };
}

/** e_phoff, e_phentsize, e_phnum; then p_type, p_offset and p_filesz of each. */
function loaderOf(head: Buffer): string | undefined {
  if (head.length < 64) return undefined;
  const offset = Number(head.readBigUInt64LE(32));
  const [size, count] = [head.readUInt16LE(54), head.readUInt16LE(56)];
  for (let at = offset, n = 0; n < count && at + 56 <= head.length; n += 1, at += size) {
    if (head.readUInt32LE(at) !== ptInterp) continue;
    const start = Number(head.readBigUInt64LE(at + 8));
    const length = Number(head.readBigUInt64LE(at + 32));
    if (length < 2 || start + length > head.length) return undefined;
    return head.toString('utf8', start, start + length - 1);
  }
  return undefined;
}
