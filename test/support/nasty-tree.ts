import { spawnSync } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  ftruncateSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { openPosix } from '../../lib/posix.ts';

const isRoot = process.geteuid?.() === 0;
const oddNames = [
  'naïve ☃',
  'with "quotes" and \\',
  "it's",
  'two\nlines',
  ' spaces ',
  '-rf',
  '$(x)',
  '...',
  '\x01\x7f',
];

/** Everything that a file system of Linux lets a folder hold, or nearly: what backups get wrong. */
export function makeNastyTree(folder: string): void {
  for (const name of ['plain', 'empty folder', 'deep' + '/deeper'.repeat(60)])
    mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, 'deep' + '/deeper'.repeat(60), 'bottom'), 'bottom');
  for (const name of oddNames) writeFileSync(join(folder, name), `content of ${name}`);
  writeFileSync(inFolder(folder, [0x66, 0xff, 0xfe, 0x66]), 'no UTF-8');
  mkdirSync(inFolder(folder, [0x64, 0xc3]));
  writeFileSync(inFolder(folder, [0x64, 0xc3, 0x2f, 0x80]), 'in a folder that is no UTF-8');
  writeFileSync(join(folder, 'n'.repeat(255)), 'as long as a name can be');
  makeFiles(folder);
  makeLinks(folder);
  makeAttributes(folder);
  setTimes(folder);
}

function makeFiles(folder: string): void {
  writeFileSync(join(folder, 'empty'), '');
  writeFileSync(join(folder, 'plain', 'large'), seededBytes(1, 10_000_000));
  writeFileSync(join(folder, 'plain', 'large too'), seededBytes(2, 9_999_999));
  writeFileSync(join(folder, 'same again'), "content of it's");
  writeFileSync(join(folder, 'zeros'), Buffer.alloc(3_000_000));
  const sparse = openSync(join(folder, 'sparse'), 'w');
  writeSync(sparse, Buffer.from('begin'), 0, 5, 0);
  writeSync(sparse, Buffer.from('middle'), 0, 6, 7_000_001);
  ftruncateSync(sparse, 20_000_000);
  closeSync(sparse);
}

function makeLinks(folder: string): void {
  linkSync(join(folder, 'plain', 'large'), join(folder, 'linked'));
  linkSync(join(folder, 'plain', 'large'), join(folder, 'empty folder', '..', 'linked again'));
  symlinkSync('nowhere at all', join(folder, 'dangling'));
  symlinkSync('/etc/passwd', join(folder, 'absolute'));
  symlinkSync('plain', join(folder, 'to a folder'));
  spawnSync('mkfifo', [join(folder, 'fifo')]);
}

function makeAttributes(folder: string): void {
  for (const [name, mode] of Object.entries({
    'set-user-id': 0o4755,
    'set-group-id': 0o2711,
    // Root alone can read a file that is closed to its owner too.
    closed: isRoot ? 0 : 0o400,
    'read-only': 0o444,
  })) {
    writeFileSync(join(folder, name), name);
    chmodSync(join(folder, name), mode);
  }
  mkdirSync(join(folder, 'sticky'));
  chmodSync(join(folder, 'sticky'), 0o1777);
  for (const name of ['plain', 'plain/large', 'empty']) {
    spawnSync('setfattr', ['-n', 'user.note', '-v', `of ${name}`, join(folder, name)]);
    spawnSync('setfattr', ['-n', 'user.binary', '-v', '0x00ff80', join(folder, name)]);
  }
  if (!isRoot) return;
  mkdirSync(join(folder, 'group'));
  chownSync(join(folder, 'group'), 1234, 5678);
  chmodSync(join(folder, 'group'), 0o2775);
  chownSync(join(folder, 'set-user-id'), 4321, 8765);
  chmodSync(join(folder, 'set-user-id'), 0o4755);
  lchownSync(join(folder, 'dangling'), 77, 88);
  spawnSync('mknod', [join(folder, 'null'), 'c', '1', '3']);
}

/** Last, the folders after what is in them. */
function setTimes(folder: string): void {
  const posix = openPosix();
  const times = {
    empty: 1n,
    'plain/large': 1_234_567_890_123_456_789n,
    dangling: 5_000_000_001n,
    zeros: -1_500_000_000n,
  };
  for (const [name, mtimeNs] of Object.entries(times)) {
    posix?.setTimes(join(folder, name), { atimeNs: mtimeNs, mtimeNs });
  }
  for (const [name, mtimeNs] of [
    ['deep/deeper', 42n],
    ['deep', 43n],
    ['plain', 999_999_999n],
    ['', 1_000_000_000_000_000_001n],
  ] as const) {
    posix?.setTimes(join(folder, name), { atimeNs: mtimeNs, mtimeNs });
  }
}

function inFolder(folder: string, name: readonly number[]): Buffer {
  return Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name)]);
}

/** Bytes without a pattern, the same for the same seed. */
export function seededBytes(seed: number, bytes: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16)).update(Buffer.alloc(bytes));
}
