import { collectGarbage } from '../../../lib/collect-garbage.ts';
import { openSnapshot } from '../browse/open-snapshot.ts';
import type { Snapshot } from '../format/snapshot-document.ts';
import type { Repository } from '../repository.ts';
import { scanTree } from './scan-tree.ts';
import type { StagedTree } from './staged-tree.ts';

/** From here on the trees that were read, and are of no use any more, take more memory than the whole work after them. */
const manyFiles = 10_000;

export type SnapshotTree = {
  readonly snapshot: Snapshot;
  /** Of the snapshot, '' for everything. */
  readonly path: string;
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
  const { reader, index, place } = await openSnapshot(repository, { snapshot: id, path }, { signal });
  const nodes = place.kind === 'root' ? await reader.read(place.tree) : [place.node];
  const above = place.kind === 'root' ? '' : place.above;
  const tree = await scanTree({ index, readTree: reader.read }, nodes, { above, signal });
  if (tree.files.length > manyFiles) collectGarbage();
  return { snapshot, path, above, tree };
}
