import { SyncError } from '../../errors.ts';
import type { CallOptions } from '../backend/backend.ts';
import type { BlobId } from '../format/blob-id.ts';
import type { TreeNode } from '../format/tree-node.ts';
import type { TreeReader } from './tree-reader.ts';

export type WalkOptions = CallOptions & {
  readonly recursive: boolean;
  /** Takes a folder whose tree cannot be read. Without it the walk rejects. */
  readonly onDamaged?: (path: string, error: Error) => void;
  /** Whether to look into a folder. Default all. */
  readonly enters?: (path: string, tree: BlobId) => boolean;
};

export type Start = { readonly tree: BlobId; readonly above: string };

type Level = { readonly above: string; readonly nodes: Iterator<TreeNode> };

/** Levels of folders: far beyond what a path can have. */
const maxDepth = 10_000;

/** Entries below a tree, each folder before what is in it. */
export async function* walkTrees(
  reader: Pick<TreeReader, 'read'>,
  start: Start,
  { recursive, signal, onDamaged, enters = () => true }: WalkOptions,
): AsyncGenerator<{ readonly path: string; readonly node: TreeNode }> {
  const levels: Level[] = [];
  const enter = async (tree: BlobId, above: string): Promise<void> => {
    signal.throwIfAborted();
    if (levels.length >= maxDepth)
      throw new SyncError('tooLarge', `Folders at ${above} are nested too deeply`);
    try {
      levels.push({ above, nodes: (await reader.read(tree)).values() });
    } catch (error) {
      if (onDamaged === undefined || !isDamage(error)) throw error;
      onDamaged(above, error);
    }
  };
  await enter(start.tree, start.above);
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const next = level.nodes.next();
    if (next.done === true) {
      levels.pop();
      continue;
    }
    const node = next.value;
    const path = `${level.above}/${node.name}`;
    yield { path, node };
    if (recursive && node.subtree !== undefined && enters(path, node.subtree))
      await enter(node.subtree, path);
  }
}

/** Of one tree: the others can be read. */
export function isDamage(error: unknown): error is SyncError {
  return error instanceof SyncError && (error.code === 'corrupt' || error.code === 'notFound');
}
