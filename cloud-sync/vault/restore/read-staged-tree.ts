import { findNode } from '../browse/find-node.ts';
import type { BlobId } from '../format/blob-id.ts';
import type { Snapshot } from '../format/snapshot-document.ts';
import type { Repository } from '../repository.ts';
import { scanTree } from './scan-tree.ts';
import type { StagedTree } from './staged-tree.ts';

export type SnapshotTree = {
  readonly snapshot: Snapshot;
  readonly tree: StagedTree;
  /** Where in the snapshot the tree begins: '' for its root. */
  readonly above: string;
};

/** All that a restore of a snapshot, or of one path in it, makes. Rejects with `notFound` when there is no such. */
export async function readStagedTree(
  repository: Repository,
  { snapshot: id, path = '' }: { readonly snapshot: string; readonly path?: string | undefined },
  { signal }: { readonly signal: AbortSignal },
): Promise<SnapshotTree> {
  const snapshot = await repository.snapshot(id, { signal });
  const index = await repository.index({ signal });
  const readTree = (tree: BlobId) => repository.readTree(tree, { signal });
  const place = await findNode(readTree, snapshot.document.tree, path);
  const nodes = place.kind === 'root' ? await readTree(place.tree) : [place.node];
  const above = place.kind === 'root' ? '' : place.above;
  return { snapshot, above, tree: await scanTree({ index, readTree }, nodes, { above, signal }) };
}
