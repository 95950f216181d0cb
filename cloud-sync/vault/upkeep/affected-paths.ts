import type { BlobId } from '../format/blob-id.ts';
import type { Snapshot } from '../format/snapshot-document.ts';
import type { TreeInspection } from './inspect-trees.ts';

type AffectedPath = {
  /** From the root of the snapshot, which is `/`. */
  readonly path: string;
  /** A folder is named where its own tree is lost, and everything in it with that. */
  readonly kind: 'file' | 'folder';
  readonly message: string;
};

export type AffectedSnapshot = {
  readonly snapshot: Snapshot;
  /** At most `maxPaths` of them over all snapshots; `count` counts all of this snapshot. */
  readonly paths: readonly AffectedPath[];
  readonly count: number;
};

/** What of which snapshot cannot be given back, and nothing else. */
export function affectedSnapshots(
  snapshots: readonly Snapshot[],
  trees: TreeInspection,
  maxPaths: number,
): AffectedSnapshot[] {
  let left = maxPaths;
  return snapshots.flatMap((snapshot) => {
    const { tree } = snapshot.document;
    if (!trees.tainted.has(tree)) return [];
    const paths: AffectedPath[] = [];
    let count = 0;
    for (const affected of affectedBelow(tree, trees)) {
      count += 1;
      if ((left -= 1) >= 0) paths.push(affected);
    }
    return [{ snapshot, paths, count }];
  });
}

function* affectedBelow(
  root: BlobId,
  { facts, unreadable, tainted }: TreeInspection,
): Generator<AffectedPath> {
  const pending = [{ tree: root, path: '' }];
  for (let at = pending.pop(); at; at = pending.pop()) {
    const { tree, path } = at;
    const problem = unreadable.get(tree);
    if (problem !== undefined) yield { path: path || '/', kind: 'folder', message: problem };
    const { lost = [], folders = [] } = facts.get(tree) ?? {};
    for (const { name, message } of lost) yield { path: `${path}/${name}`, kind: 'file', message };
    for (const folder of folders) {
      if (tainted.has(folder.tree)) pending.push({ tree: folder.tree, path: `${path}/${folder.name}` });
    }
  }
}
