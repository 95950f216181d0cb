import type { CallOptions } from '../backend/backend.ts';
import type { TreeNode } from '../format/tree-node.ts';
import type { Repository } from '../repository.ts';
import { openSnapshot } from './open-snapshot.ts';
import { walkTrees, type WalkOptions } from './walk-trees.ts';

export type ListedEntry = {
  /** From the root of the snapshot, with a slash at the beginning. */
  readonly path: string;
  readonly node: TreeNode;
};

export type ListRequest = {
  /** Its id. */
  readonly snapshot: string;
  /** Default the root. Of a folder its entries are listed, of anything else the entry itself. */
  readonly path?: string;
  /** With what is in folders, below each of them. Default false. */
  readonly recursive?: boolean;
};

/**
 * The entries of a folder in a snapshot, by the bytes of their names; a folder comes before what is in it. One folder at a time is in
 * memory, and those above it. `onDamaged` takes a folder that cannot be read, and the rest goes on.
 */
export async function* listEntries(
  repository: Repository,
  { snapshot, path, recursive = false }: ListRequest,
  options: CallOptions & Pick<WalkOptions, 'onDamaged'>,
): AsyncGenerator<ListedEntry> {
  const { reader, place } = await openSnapshot(repository, { snapshot, path }, options);
  if (place.kind === 'root') {
    yield* walkTrees(reader, { tree: place.tree, above: '' }, { ...options, recursive });
    return;
  }
  const { node, above } = place;
  const found = `${above}/${node.name}`;
  if (node.subtree === undefined) yield { path: found, node };
  else yield* walkTrees(reader, { tree: node.subtree, above: found }, { ...options, recursive });
}
