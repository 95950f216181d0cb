import { SyncError } from '../../errors.ts';
import type { BlobId } from '../format/blob-id.ts';
import { splitTree, type EncodedNode } from '../format/encoded-node.ts';
import { nsOfRfc3339 } from '../format/rfc3339.ts';
import type { Snapshot } from '../format/snapshot-document.ts';
import { decodeTree } from '../format/tree.ts';
import type { TreeNode } from '../format/tree-node.ts';
import type { BlobIndex } from '../repository.ts';
import { EarlierFolder } from './earlier-folder.ts';
import { isSameFile, lastChangeNs, type FileFacts } from './file-facts.ts';
import type { EntriesMemory } from './entries-memory.ts';
import type { Entry, FolderEntries, ListedEntries } from './folder-entries.ts';
import { FolderPatch } from './folder-patch.ts';
import { folderPrint } from './folder-print.ts';
import type { SnapshotMemory } from './snapshot-memory.ts';

/** `number`: in the memory. `print` is '' for one whose entries are not to be believed. */
export type RememberedFolder = { readonly number: number; readonly print: string; readonly tree: BlobId };

export type EarlierSnapshotOptions = {
  /** Plain bytes of a tree. */
  readonly readTree: (id: BlobId) => Promise<Buffer>;
  readonly index: () => Promise<Pick<BlobIndex, 'has'>>;
  readonly parent: Snapshot | undefined;
  /** Of that parent; what it names is in the repository. */
  readonly memory: SnapshotMemory | undefined;
  /** That belongs to the memory; asked when some folder is not as it was. */
  readonly entries: () => Promise<EntriesMemory | undefined>;
};

/**
 * The clock that files get their times from ticks this slowly, in nanoseconds: a file that was written within a tick after it was read
 * shows no other time. What is as new as the snapshot that saw it is not believed to be unchanged.
 */
export const clockTickNs = 50_000_000n;

export type FolderWanted = {
  readonly remembered: RememberedFolder | undefined;
  /** Where it is not remembered. */
  readonly tree?: BlobId | undefined;
  readonly now: FolderEntries;
  /** Whether all entries are as they are remembered. */
  readonly isSame: boolean;
};

/** The snapshot is to be taken without looking at its parent. */
export class ParentDamaged extends Error {}

/** What the parent saw, as far as it can be had. */
export class EarlierSnapshot {
  readonly #options: EarlierSnapshotOptions;
  readonly #folders: ReadonlyMap<string, RememberedFolder>;
  readonly #believedUntilNs: bigint;
  #index: Pick<BlobIndex, 'has'> | undefined;
  #entries: Promise<EntriesMemory | undefined> | undefined;

  constructor(options: EarlierSnapshotOptions) {
    const { parent, memory } = options;
    this.#options = options;
    this.#folders = new Map(
      memory?.folders.map(([path, print, tree], number) => [path, { number, print, tree }]),
    );
    this.#believedUntilNs = parent === undefined ? 0n : nsOfRfc3339(parent.document.time) - clockTickNs;
  }

  get tree(): BlobId | undefined {
    return this.#options.parent?.document.tree;
  }

  remembered(path: string): RememberedFolder | undefined {
    return this.#folders.get(path);
  }

  /** What lay in a folder; nothing for an undefined tree. Rejects with ParentDamaged when it cannot be read. */
  async folder({ remembered, tree, now, isSame }: FolderWanted): Promise<EarlierFolder | FolderPatch> {
    const wanted = remembered?.tree ?? tree;
    if (wanted === undefined) return EarlierFolder.empty;
    const { readTree, index } = this.#options;
    this.#index ??= await index();
    const before = isSame ? undefined : await this.#entriesOf(remembered);
    try {
      const plain = await readTree(wanted);
      // What is remembered is a tree as this version writes it.
      if (remembered === undefined) return new EarlierFolder(decodeTree(plain));
      const patch = isSame || before !== undefined ? FolderPatch.of(plain, now, before) : undefined;
      return patch ?? new EarlierFolder(splitTree(plain) ?? decodeTree(plain));
    } catch (cause) {
      throw asParentDamaged(cause, wanted);
    }
  }

  /** As that folder's tree was made of them: what is remembered of entries may be of another snapshot with the same tree, and its numbers. */
  async #entriesOf(remembered: RememberedFolder | undefined): Promise<ListedEntries | undefined> {
    if (remembered === undefined || remembered.print === '') return undefined;
    this.#entries ??= this.#options.entries();
    const entries = (await this.#entries)?.of(remembered.number);
    return entries !== undefined && folderPrint(entries) === remembered.print ? entries : undefined;
  }

  /**
   * The text of an entry about which `lstat` says what it said then, and so what else there is to say: its content, which is in the
   * repository as what is remembered is, and its target; attributes it has none. Undefined where it is another, or cannot be told.
   */
  unchanged({ facts, name }: Entry, head: string, folder: EarlierFolder): EncodedNode | undefined {
    const text = folder.text(name);
    if (text === undefined || !text.json.startsWith(head) || text.json[head.length] !== ',') return undefined;
    return this.believes(facts) ? text : undefined;
  }

  /** Whether a file need not be read: unchanged since `node`, one of `entries`, and all of it in the repository. */
  has(facts: FileFacts, node: TreeNode): boolean {
    if (node.content === undefined || !isSameFile(facts, node)) return false;
    if (!this.believes(facts)) return false;
    return node.content.every((id) => this.#index?.has(id, 'data') ?? false);
  }

  /** Whether it cannot have changed since, its clock too slow to show it. */
  believes({ ctimeNs }: FileFacts): boolean {
    return lastChangeNs(ctimeNs) < this.#believedUntilNs;
  }
}

function asParentDamaged(cause: unknown, tree: BlobId): unknown {
  if (!(cause instanceof SyncError) || !['corrupt', 'notFound', 'damaged'].includes(cause.code)) return cause;
  return new ParentDamaged(`Cannot read tree ${tree} of the parent`, { cause });
}
