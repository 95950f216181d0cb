import { createHash } from 'node:crypto';
import {
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type BigIntStats,
} from 'node:fs';
import { openPosix } from '../../lib/posix.ts';

/**
 * Each entry below a folder by its path, with all that a copy of it must have too, as one line of text: type, mode, owner, mtime to the
 * nanosecond, size, SHA-256 of a file, target of a symlink, the first path of a file with several, the user's extended attributes where
 * they can be read. Names are bytes: read as Latin-1, in which each byte is one character.
 */
export type TreeEntries = ReadonlyMap<string, string>;

const posix = openPosix();
const piece = Buffer.allocUnsafe(2 ** 20);

export function treeEntries(folder: string): TreeEntries {
  const entries = new Map<string, string>();
  const firstPaths = new Map<bigint, string>();
  const walk = (path: Buffer, name: string): void => {
    for (const child of readdirSync(path, { encoding: 'buffer' }).sort((a, b) => Buffer.compare(a, b))) {
      const childPath = Buffer.concat([path, Buffer.from('/'), child]);
      const childName = `${name}/${child.toString('latin1')}`;
      const stats = lstatSync(childPath, { bigint: true });
      entries.set(childName, describe(childPath, childName, stats, firstPaths));
      if (stats.isDirectory()) walk(childPath, childName);
    }
  };
  walk(Buffer.from(folder), '');
  return entries;
}

/** What differs, as lines for people, at most `most`; none when both are the same. */
export function treeDifferences(expected: TreeEntries, actual: TreeEntries, most = 20): string[] {
  const differences: string[] = [];
  for (const path of new Set([...expected.keys(), ...actual.keys()])) {
    const [before, after] = [expected.get(path), actual.get(path)];
    if (before === after) continue;
    differences.push(`${path}: ${before ?? 'not there'} became ${after ?? 'not there'}`);
    if (differences.length >= most) break;
  }
  return differences;
}

function describe(path: Buffer, name: string, stats: BigIntStats, firstPaths: Map<bigint, string>): string {
  const { mode, uid, gid, mtimeNs, rdev } = stats;
  const words = [mode.toString(8), `${uid}:${gid}`, String(mtimeNs)];
  if (stats.isFile()) {
    words.push(`${stats.size} bytes`, hashFile(path));
    if (stats.nlink > 1n) {
      const first = firstPaths.get(stats.ino) ?? name;
      firstPaths.set(stats.ino, first);
      words.push(`= ${first}`);
    }
  }
  if (stats.isSymbolicLink()) words.push(`-> ${readlinkSync(path, 'latin1')}`);
  for (const attribute of attributesOf(path)) words.push(attribute);
  if (stats.isBlockDevice() || stats.isCharacterDevice()) words.push(`device ${rdev}`);
  return words.join(' ');
}

function attributesOf(path: Buffer): string[] {
  const names = (posix?.listAttributes(path) ?? []).filter((name) => typeof name === 'string');
  const own = names.filter((name) => name.startsWith('user.'));
  return own.sort().map((name) => `${name}=${posix?.getAttribute(path, name).toString('hex')}`);
}

function hashFile(path: Buffer): string {
  const hash = createHash('sha256');
  const file = openSync(path, 'r');
  try {
    for (;;) {
      const bytes = readSync(file, piece);
      if (bytes === 0) return hash.digest('hex');
      hash.update(piece.subarray(0, bytes));
    }
  } finally {
    closeSync(file);
  }
}
