import { SyncError } from '../../errors.ts';
import type { BlobId } from '../format/blob-id.ts';
import { nsOfRfc3339 } from '../format/rfc3339.ts';
import type { Snapshot } from '../format/snapshot-document.ts';
import type { TreeNode } from '../format/tree-node.ts';
import type { BlobIndex, Repository } from '../repository.ts';
import { isSameFile, lastChangeNs, type FileFacts } from './file-facts.ts';
import type { SnapshotMemory } from './snapshot-memory.ts';

export type RememberedFolder = { readonly print: string; readonly tree: BlobId };

export type EarlierSnapshotOptions = {
  readonly repository: Pick<Repository, 'readTree'>;
  readonly index: () => Promise<Pick<BlobIndex, 'has'>>;
  readonly parent: Snapshot | undefined;
  /** Of that parent; what it names is in the repository. */
  readonly memory: SnapshotMemory | undefined;
  readonly signal: AbortSignal;
};

/**
 * The clock that files get their times from ticks this slowly, in nanoseconds: a file that was written within a tick after it was read
 * shows no other time. What is as new as the snapshot that saw it is not believed to be unchanged.
 */
export const clockTickNs = 50_000_000n;

/** The snapshot is to be taken without looking at its parent. */
export class ParentDamaged extends Error {}

const noEntries: ReadonlyMap<string, TreeNode> = new Map();

/** What the parent saw, as far as it can be had. */
export class EarlierSnapshot {
  readonly #options: EarlierSnapshotOptions;
  readonly #folders: ReadonlyMap<string, RememberedFolder>;
  readonly #believedUntilNs: bigint;
  #index: Pick<BlobIndex, 'has'> | undefined;

  constructor(options: EarlierSnapshotOptions) {
    const { parent, memory } = options;
    this.#options = options;
    this.#folders = new Map(memory?.folders.map(([path, print, tree]) => [path, { print, tree }]));
    this.#believedUntilNs = parent === undefined ? 0n : nsOfRfc3339(parent.document.time) - clockTickNs;
  }

  get tree(): BlobId | undefined {
    return this.#options.parent?.document.tree;
  }

  remembered(path: string): RememberedFolder | undefined {
    return this.#folders.get(path);
  }

  /** By name; none for an undefined tree. Rejects with ParentDamaged when it cannot be read. */
  async entries(tree: BlobId | undefined): Promise<ReadonlyMap<string, TreeNode>> {
    if (tree === undefined) return noEntries;
    const { repository, index, signal } = this.#options;
    this.#index ??= await index();
    try {
      const nodes = await repository.readTree(tree, { signal });
      return new Map(nodes.map((node) => [node.name, node]));
    } catch (cause) {
      if (!(cause instanceof SyncError) || !['corrupt', 'notFound', 'damaged'].includes(cause.code))
        throw cause;
      throw new ParentDamaged(`Cannot read tree ${tree} of the parent`, { cause });
    }
  }

  /** Whether a file need not be read: unchanged since `node`, one of `entries`, and all of it in the repository. */
  has(facts: FileFacts, node: TreeNode): boolean {
    if (node.content === undefined || !isSameFile(facts, node)) return false;
    if (lastChangeNs(facts.ctimeNs) >= this.#believedUntilNs) return false;
    return node.content.every((id) => this.#index?.has(id, 'data') ?? false);
  }
}
