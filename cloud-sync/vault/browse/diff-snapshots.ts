import type { CallOptions } from '../backend/backend.ts';
import type { BlobId } from '../format/blob-id.ts';
import { compareNames } from '../format/name-bytes.ts';
import type { TreeNode } from '../format/tree-node.ts';
import type { Repository } from '../repository.ts';
import type { Place } from './find-node.ts';
import { openSnapshot } from './open-snapshot.ts';
import { nodeChange, type NodeChange } from './node-change.ts';
import type { TreeReader } from './tree-reader.ts';
import { isDamage, type WalkOptions } from './walk-trees.ts';

export type SnapshotChange = {
  /** From the root of the snapshots, with a slash at the beginning; relative to `path` where each has its own. */
  readonly path: string;
  /** `type`: another kind of thing. `content`: other bytes, or another target of a link. `metadata`: mode, owner, mtime, attributes. */
  readonly kind: 'added' | 'removed' | NodeChange;
  readonly before?: TreeNode;
  readonly after?: TreeNode;
};

export type DiffRequest = {
  /** Their ids. */
  readonly from: string;
  readonly to: string;
  /** Only what is below this folder, which both have. */
  readonly path?: string;
};

type Pair = { readonly before?: TreeNode | undefined; readonly after?: TreeNode | undefined };

/**
 * What one snapshot has otherwise than another, by path. Folders whose trees are the same in both are not read; of the others one pair at a
 * time, and those above it, are in memory. Folders that came or went are followed by all that is in them. `onDamaged` takes a folder that
 * cannot be read in one of them: nothing in it is compared, and the rest goes on.
 */
export async function* diffSnapshots(
  repository: Repository,
  { from, to, path }: DiffRequest,
  options: CallOptions & Pick<WalkOptions, 'onDamaged'>,
): AsyncGenerator<SnapshotChange> {
  const before = await openSnapshot(repository, { snapshot: from, path }, options);
  const after = await openSnapshot(repository, { snapshot: to, path }, options);
  const above = before.place.kind === 'root' ? '' : `${before.place.above}/${before.place.node.name}`;
  const trees = { before: treeOf(before.place), after: treeOf(after.place) };
  yield* new TreeDiff(after.reader, options).changes(trees, above);
}

class TreeDiff {
  readonly #reader: Pick<TreeReader, 'read'>;
  readonly #options: CallOptions & Pick<WalkOptions, 'onDamaged'>;

  constructor(reader: Pick<TreeReader, 'read'>, options: CallOptions & Pick<WalkOptions, 'onDamaged'>) {
    this.#reader = reader;
    this.#options = options;
  }

  async *changes(
    { before, after }: { readonly before: BlobId | undefined; readonly after: BlobId | undefined },
    above: string,
  ): AsyncGenerator<SnapshotChange> {
    if (before === after) return;
    this.#options.signal.throwIfAborted();
    const old = await this.#nodes(before, above);
    // Of a folder that is damaged in both, too, people hear once.
    const current = old && (await this.#nodes(after, above));
    if (old === undefined || current === undefined) return;
    for (const pair of pairsByName(old, current)) {
      const path = `${above}/${(pair.before ?? pair.after)?.name ?? ''}`;
      const change = changeOf(pair, path);
      if (change !== undefined) yield change;
      yield* this.changes({ before: pair.before?.subtree, after: pair.after?.subtree }, path);
    }
  }

  /** Undefined when it is damaged: who has only one side of a folder knows nothing of its changes. */
  async #nodes(tree: BlobId | undefined, path: string): Promise<readonly TreeNode[] | undefined> {
    if (tree === undefined) return [];
    const { onDamaged } = this.#options;
    try {
      return await this.#reader.read(tree);
    } catch (error) {
      if (onDamaged === undefined || !isDamage(error)) throw error;
      onDamaged(path, error);
      return undefined;
    }
  }
}

function treeOf(place: Place): BlobId | undefined {
  return place.kind === 'root' ? place.tree : place.node.subtree;
}

function changeOf({ before, after }: Pair, path: string): SnapshotChange | undefined {
  if (before === undefined) return after && { path, kind: 'added', after };
  if (after === undefined) return { path, kind: 'removed', before };
  const kind = nodeChange(before, after);
  return kind && { path, kind, before, after };
}

/** Both lists are by the bytes of names. */
function* pairsByName(before: readonly TreeNode[], after: readonly TreeNode[]): Generator<Pair> {
  let left = 0;
  let right = 0;
  while (left < before.length || right < after.length) {
    const [old, current] = [before[left], after[right]];
    const order = old && current ? compareNames(old.name, current.name) : old ? -1 : 1;
    if (order <= 0) left += 1;
    if (order >= 0) right += 1;
    yield { ...(order <= 0 && { before: old }), ...(order >= 0 && { after: current }) };
  }
}
