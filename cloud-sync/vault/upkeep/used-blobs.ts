import type { CallOptions } from '../backend/backend.ts';
import type { BlobId, BlobType } from '../format/blob-id.ts';
import type { TreeNode } from '../format/tree-node.ts';
import type { Repository } from '../repository.ts';
import { inParallel } from '../in-parallel.ts';
import { callsAtOnce } from './calls-at-once.ts';

/** Ids of all blobs that snapshots need, by type: the same id may be both. */
export type UsedBlobs = Readonly<Record<BlobType, ReadonlySet<BlobId>>>;

/** Everything that can be reached from these trees. Rejects as `readTree` does when one of them cannot be read. */
export async function usedBlobs(
  repository: Repository,
  roots: Iterable<BlobId>,
  { signal }: CallOptions,
): Promise<UsedBlobs> {
  const data = new Set<BlobId>();
  const tree = new Set<BlobId>();
  await visitTrees(roots, async (id) => {
    tree.add(id);
    const nodes = await repository.readTree(id, { signal });
    for (const node of nodes) for (const blob of node.content ?? []) data.add(blob);
    return subtreesOf(nodes);
  });
  return { data, tree };
}

/** Calls `visit` once for each tree, those nearer to the roots first, several at a time; it resolves with the trees to go on with. */
export async function visitTrees(
  roots: Iterable<BlobId>,
  visit: (id: BlobId) => Promise<readonly BlobId[]>,
): Promise<void> {
  const seen = new Set<BlobId>();
  let level = [...new Set(roots)];
  while (level.length > 0) {
    for (const id of level) seen.add(id);
    const below = await inParallel(level, callsAtOnce, visit);
    level = [...new Set(below.flat())].filter((id) => !seen.has(id));
  }
}

export function subtreesOf(nodes: readonly TreeNode[]): BlobId[] {
  return nodes.flatMap(({ subtree }) => (subtree === undefined ? [] : [subtree]));
}
