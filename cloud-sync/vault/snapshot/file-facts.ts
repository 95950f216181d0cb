import type { BigIntStats } from 'node:fs';
import type { NodeType, TreeNode } from '../format/tree-node.ts';

/** What `lstat` says of an entry, in this order. */
export const factNames = [
  'dev',
  'ino',
  'mode',
  'nlink',
  'uid',
  'gid',
  'rdev',
  'size',
  'mtimeNs',
  'ctimeNs',
] as const;

export type FileFacts = Pick<BigIntStats, (typeof factNames)[number]>;

export function factsOf(stats: BigIntStats): FileFacts {
  const { dev, ino, mode, nlink, uid, gid, rdev, size, mtimeNs, ctimeNs } = stats;
  return { dev, ino, mode, nlink, uid, gid, rdev, size, mtimeNs, ctimeNs };
}

/** Facts of many entries, sixty-four bits each: a tenth of the memory of as many objects, and as they are for a thread or a hash. */
export type PackedFacts = BigInt64Array<ArrayBuffer>;

export function packedFacts(count: number): PackedFacts {
  return new BigInt64Array(count * factNames.length);
}

export function putFacts(packed: PackedFacts, entry: number, facts: FileFacts): void {
  const at = entry * factNames.length;
  // Written out: there are many.
  packed[at] = facts.dev;
  packed[at + 1] = facts.ino;
  packed[at + 2] = facts.mode;
  packed[at + 3] = facts.nlink;
  packed[at + 4] = facts.uid;
  packed[at + 5] = facts.gid;
  packed[at + 6] = facts.rdev;
  packed[at + 7] = facts.size;
  packed[at + 8] = facts.mtimeNs;
  packed[at + 9] = facts.ctimeNs;
}

export function factsAt(packed: PackedFacts, entry: number): FileFacts {
  const first = entry * factNames.length;
  const at = (fact: number): bigint => packed[first + fact] ?? 0n;
  return {
    dev: at(0),
    ino: at(1),
    mode: at(2),
    nlink: at(3),
    uid: at(4),
    gid: at(5),
    rdev: at(6),
    size: at(7),
    mtimeNs: at(8),
    ctimeNs: at(9),
  };
}

const types = new Map<number, NodeType>([
  [0o010000, 'fifo'],
  [0o020000, 'chardev'],
  [0o040000, 'dir'],
  [0o060000, 'dev'],
  [0o100000, 'file'],
  [0o120000, 'symlink'],
  [0o140000, 'socket'],
]);

/** Undefined for what no file system of today has. */
export function nodeTypeOf(mode: bigint): NodeType | undefined {
  return types.get(Number(mode) & 0o170000);
}

/** Numbers of inodes can have all 64 bits (network and overlay file systems); numbers of JSON are exact up to 53: the low ones differ. */
export function inodeOf(ino: bigint): number {
  return Number(BigInt.asUintN(53, ino));
}

const secondNs = 1_000_000_000n;

/** How much later than its `ctime` says a file may have changed, see `lastChangeNs`. */
export const secondsRoundedNs = 2n * secondNs;

/**
 * Until when a file with this `ctime` may have changed. Some file systems count whole seconds (ext4 with small inodes, ext3, some NFS
 * servers) or every other one (FAT), and round down; elsewhere one time in hundreds looks so.
 */
export function lastChangeNs(ctimeNs: bigint): bigint {
  return ctimeNs % secondNs === 0n ? ctimeNs + secondsRoundedNs : ctimeNs;
}

/** Whether a file is the one that `node` says, unchanged since. `ctime` moves with every change, also of owner, mode or attributes. */
export function isSameFile(facts: FileFacts, node: TreeNode): boolean {
  return (
    node.type === 'file' &&
    node.size === Number(facts.size) &&
    node.mtimeNs === facts.mtimeNs &&
    node.ctimeNs === facts.ctimeNs &&
    node.inode === inodeOf(facts.ino)
  );
}
