import { SyncError } from '../../errors.ts';
import type { BlobId } from '../format/blob-id.ts';
import type { TreeNode } from '../format/tree-node.ts';
import { segmentsOf } from './snapshot-path.ts';

/** Where a path of a snapshot leads: its root, or an entry. */
export type Place =
  | { readonly kind: 'root'; readonly tree: BlobId }
  | {
      readonly kind: 'entry';
      readonly node: TreeNode;
      /** Of the folder that it is in: '' for the root. */
      readonly above: string;
    };

/** Follows `path` from the root. Links are not followed. Rejects with `notFound` for what is not in the snapshot. */
export async function findNode(
  readTree: (id: BlobId) => Promise<readonly TreeNode[]>,
  root: BlobId,
  path: string,
): Promise<Place> {
  let place: Place = { kind: 'root', tree: root };
  let above = '';
  for (const name of segmentsOf(path)) {
    const tree: BlobId | undefined = place.kind === 'root' ? place.tree : place.node.subtree;
    const nodes: readonly TreeNode[] = tree === undefined ? [] : await readTree(tree);
    const node = nodes.find((entry) => entry.name === name);
    if (node === undefined) throw notInSnapshot(path);
    if (place.kind === 'entry') above += `/${place.node.name}`;
    place = { kind: 'entry', node, above };
  }
  return place;
}

function notInSnapshot(path: string): SyncError {
  return new SyncError('notFound', `The snapshot has no ${path}`, {
    hint: 'List what it has with `holdfast snapshot ls`.',
  });
}
