import type { NodeType, TreeNode } from '../../cloud-sync/vault/format/tree-node.ts';
import { printable } from '../printable.ts';
import { shortTime } from './snapshot-text.ts';

const typeLetters: Readonly<Record<NodeType, string>> = {
  file: '-',
  dir: 'd',
  symlink: 'l',
  dev: 'b',
  chardev: 'c',
  fifo: 'p',
  socket: 's',
};

/** One entry: its path, or with `long` a line as `ls -l` has it, times in UTC. */
export function formatNode(path: string, node: TreeNode, { long }: { long: boolean }): string {
  const shown = printable(path) + (node.type === 'dir' ? '/' : '');
  if (!long) return shown;
  const target = node.linkTarget === undefined ? '' : ` -> ${printable(node.linkTarget)}`;
  const owner = [node.user || String(node.uid), node.group || String(node.gid)].map((name) =>
    printable(name).padEnd(8),
  );
  return [
    typeLetters[node.type] + formatMode(node.mode),
    ...owner,
    String(node.size).padStart(12),
    shortTime(millisecondsOf(node.mtimeNs)),
    shown + target,
  ].join(' ');
}

/** `rwxr-sr-x` with set-id and sticky bits, as ls writes them. */
export function formatMode(mode: number): string {
  const letters = Array.from('rwxrwxrwx', (letter, index) => ((mode >> (8 - index)) & 1 ? letter : '-'));
  for (const [bit, at, letter] of [
    [0o4000, 2, 's'],
    [0o2000, 5, 's'],
    [0o1000, 8, 't'],
  ] as const)
    if (mode & bit) letters[at] = letters[at] === '-' ? letter.toUpperCase() : letter;
  return letters.join('');
}

/** For `--json`: times as RFC 3339, the mode in octal; a name that is no UTF-8 has lone surrogates, which JSON writes as escapes. */
export function jsonOfNode(path: string, node: TreeNode): object {
  const { type, size, uid, gid, user, group, links, linkTarget } = node;
  return {
    ...{ path, type, size, mode: node.mode.toString(8).padStart(4, '0') },
    ...{ uid, gid, user, group, links },
    mtime: new Date(millisecondsOf(node.mtimeNs)).toISOString(),
    ...(linkTarget !== undefined && { linkTarget }),
  };
}

/** Within what a Date can say. */
function millisecondsOf(ns: bigint): number {
  const limit = 8_640_000_000_000_000;
  return Math.max(-limit, Math.min(limit, Number(ns / 1_000_000n)));
}
