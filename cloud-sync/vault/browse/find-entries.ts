import type { CallOptions } from '../backend/backend.ts';
import type { BlobId } from '../format/blob-id.ts';
import type { Snapshot } from '../format/snapshot-document.ts';
import type { TreeNode } from '../format/tree-node.ts';
import type { Repository } from '../repository.ts';
import { compileExcludes, type Exclusion } from '../snapshot/exclude-patterns.ts';
import { TreeReader } from './tree-reader.ts';
import { walkTrees, type WalkOptions } from './walk-trees.ts';

export type FoundEntry = { readonly snapshot: Snapshot; readonly path: string; readonly node: TreeNode };

export type FindRequest = {
  /**
   * Globs, one of which has to fit: with a slash at the beginning the whole path, else the end of it, as many names as the glob has. `**`
   * spans folders, a slash at the end asks for folders.
   */
  readonly patterns: readonly string[];
  /** In their order; default all of the repository, oldest first. */
  readonly snapshots?: readonly Snapshot[];
  readonly ignoreCase?: boolean;
};

/** Folders known to hold nothing that fits: 64 bytes each and the path. */
const maxRemembered = 200_000;

/**
 * Looks for entries by their names in one snapshot after the other. A folder that has nothing in one is not read again in the next while
 * it is the same: a hundred snapshots of a volume that hardly changes cost little more than one.
 */
export async function* findEntries(
  repository: Repository,
  { patterns, snapshots, ignoreCase = false }: FindRequest,
  options: CallOptions & Pick<WalkOptions, 'onDamaged'>,
): AsyncGenerator<FoundEntry> {
  const fits = compilePatterns(patterns, ignoreCase);
  const { signal } = options;
  const index = await repository.index({ signal, onDamaged: () => undefined });
  const reader = new TreeReader(repository, index, { signal });
  const barren = new BarrenFolders();
  for (const snapshot of snapshots ?? (await repository.snapshots(options))) {
    const { tree } = snapshot.document;
    if (barren.has('', tree)) continue;
    const walk = {
      ...options,
      recursive: true,
      enters: (path: string, subtree: BlobId) => barren.enter(path, subtree),
      ...(options.onDamaged && { onDamaged: damageTo(options.onDamaged, barren) }),
    };
    barren.begin(tree);
    for await (const { path, node } of walkTrees(reader, { tree, above: '' }, walk)) {
      if (!fits(path, node.type === 'dir')) continue;
      barren.found(path);
      yield { snapshot, path, node };
    }
    barren.end();
  }
}

/** Nobody knows what is in a damaged folder: each snapshot says so anew. */
function damageTo(onDamaged: (path: string, error: Error) => void, barren: BarrenFolders) {
  return (path: string, error: Error) => {
    barren.found(`${path}/`);
    onDamaged(path, error);
  };
}

function compilePatterns(patterns: readonly string[], ignoreCase: boolean): Exclusion {
  const cased = (text: string) => (ignoreCase ? text.toLowerCase() : text);
  const fits = compileExcludes(patterns.map((pattern) => cased(anywhere(pattern))));
  return (path, isFolder) => fits?.(cased(path.slice(1)), isFolder) ?? false;
}

/** In the language of excludes a slash in the middle ties a pattern to the root, `!` and `#` at the beginning have a meaning. */
function anywhere(pattern: string): string {
  const isTied = pattern.startsWith('/');
  return isTied || pattern.startsWith('**/') ? pattern : `**/${pattern}`;
}

/** Remembers by path and tree which folders had no entry that fits, in any snapshot before. */
class BarrenFolders {
  readonly #known = new Set<string>();
  #entered = new Map<string, BlobId>();

  begin(root: BlobId): void {
    this.#entered = new Map([['', root]]);
  }

  has(path: string, tree: BlobId): boolean {
    return this.#known.has(`${tree}${path}`);
  }

  enter(path: string, tree: BlobId): boolean {
    if (this.has(path, tree)) return false;
    if (this.#entered.size < maxRemembered) this.#entered.set(path, tree);
    return true;
  }

  /** All folders on the way to it hold something. */
  found(path: string): void {
    for (let end = path.lastIndexOf('/'); end >= 0; end = path.lastIndexOf('/', end - 1)) {
      this.#entered.delete(path.slice(0, end));
      if (end === 0) break;
    }
  }

  /** Of a snapshot that was walked to its end. */
  end(): void {
    for (const [path, tree] of this.#entered) {
      if (this.#known.size >= maxRemembered) return;
      this.#known.add(`${tree}${path}`);
    }
  }
}
