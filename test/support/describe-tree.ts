import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync, type BigIntStats } from 'node:fs';
import { join, relative } from 'node:path';
import { openPosix } from '../../lib/posix.ts';

/**
 * Everything of a tree that a program in it can tell, one line a file: type, mode, owner, time, where a link leads, extended attributes,
 * content, and which names are one file.
 */
export function describeTree(root: string): string[] {
  const posix = openPosix();
  const firstNames = new Map<bigint, string>();
  const lines: string[] = [];
  const visit = (path: string): void => {
    const stats = lstatSync(path, { bigint: true });
    const name = relative(root, path) || '.';
    const first = stats.isDirectory() ? name : (firstNames.get(stats.ino) ?? name);
    firstNames.set(stats.ino, first);
    const attributes = (posix?.listAttributes(path) ?? [])
      .toSorted()
      .map((key) => `${key.toString()}=${posix?.getAttribute(path, key).toString('hex')}`);
    const facts = [
      (Number(stats.mode) >>> 0).toString(8),
      `${stats.uid}:${stats.gid}`,
      String(stats.mtimeNs),
      contentOf(path, stats),
      ...attributes,
      first === name ? '' : `= ${first}`,
    ];
    lines.push(`${name} ${facts.join(' ').trim()}`);
    if (stats.isDirectory()) for (const child of readdirSync(path).toSorted()) visit(join(path, child));
  };
  visit(root);
  return lines;
}

function contentOf(path: string, stats: BigIntStats): string {
  if (stats.isSymbolicLink()) return `-> ${readlinkSync(path)}`;
  // An empty one may be closed to its owner, and then to whoever is not root.
  if (!stats.isFile() || stats.size === 0n) return '';
  return createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 16);
}
