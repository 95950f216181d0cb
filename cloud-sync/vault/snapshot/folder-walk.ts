import { setImmediate } from 'node:timers/promises';
import type { Posix } from '../../../lib/posix.ts';
import type { BlobId } from '../format/blob-id.ts';
import { encodeNodeHead } from '../format/encode-node.ts';
import type { EncodedNode } from '../format/encoded-node.ts';
import type { TreeNode } from '../format/tree-node.ts';
import type { AccountNames } from './account-names.ts';
import type { EarlierFolder } from './earlier-folder.ts';
import {
  clockTickNs,
  ParentDamaged,
  type EarlierSnapshot,
  type RememberedFolder,
} from './earlier-snapshot.ts';
import { nodeOf, readDetails, type Details } from './entry-node.ts';
import type { Exclusion } from './exclude-patterns.ts';
import { fileProblem } from './file-problem.ts';
import type { FileContent, FileQueue } from './file-queue.ts';
import type { Entry, FolderEntries, ListedEntries } from './folder-entries.ts';
import { FolderPatch } from './folder-patch.ts';
import { folderPrint } from './folder-print.ts';
import { listFolder, type FolderListing, type Skip } from './list-folder.ts';
import { listWithOther } from './list-in-parts.ts';
import { maxEntriesRemembered, walkSliceMs } from './snapshot-limits.ts';
import type { SnapshotProblem } from './snapshot-problem.ts';
import type { SnapshotRequest } from './snapshot-request.ts';
import type { SnapshotTally } from './snapshot-tally.ts';
import type { TreeStore } from './tree-store.ts';

export type FolderWalkOptions = {
  /** Absolute, its links resolved by the system as far as they lead to it. */
  readonly folder: string;
  readonly excludes: Exclusion | undefined;
  readonly earlier: EarlierSnapshot;
  readonly files: Pick<FileQueue, 'read' | 'room' | 'end'>;
  readonly trees: Pick<TreeStore, 'add' | 'addPlain'>;
  readonly accounts: AccountNames;
  readonly posix: Posix | undefined;
  readonly tally: SnapshotTally;
  /** Whether the entries of what was walked are wanted afterwards. */
  readonly remembers: boolean;
  readonly onProblem: (problem: SnapshotProblem) => void;
  /** Milliseconds since 1970, before anything was looked at. */
  readonly startMs: number;
  readonly ahead?: SnapshotRequest['ahead'];
  readonly signal: AbortSignal;
};

export type WalkedFolder = {
  readonly path: string;
  readonly tree: BlobId;
  /** Of the entries; '' when they are not to be believed next time without a look. */
  readonly print: string;
  /** That the print is of, where they may be remembered and are not too many. */
  readonly entries: ListedEntries | undefined;
  /** Whether it is the tree that is remembered. */
  readonly same: boolean;
};

/** What the parent saw in a folder. */
type Before = EarlierFolder | FolderPatch;

/** Of a tree, where it is unchanged as the text it was. */
type Node = TreeNode | EncodedNode;

type Listed = {
  readonly path: string;
  readonly entries: FolderEntries;
  readonly print: string;
  readonly remembered: RememberedFolder | undefined;
  /** As the parent saw them. */
  readonly same: boolean;
};
/** A folder to visit. `depth`: 0 for the root. */
type Place = { readonly path: string; readonly depth: number; readonly treeBefore: BlobId | undefined };
/** `index`: of its entry. */
type Child = { readonly index: number; readonly walked: Promise<WalkedFolder> };
/** What becomes of the entries that are no folders. */
type Taken = {
  /** Whether all were taken, with the facts of the print. */
  stable: boolean;
  /** Without those that a patch leaves where they are. */
  readonly nodes: Node[];
  /** Names of folders that could not be listed. */
  readonly gone: Set<string>;
};
type Visited = {
  readonly listed: Listed;
  /** Undefined while it was not needed. */
  readonly before: Before | undefined;
  readonly children: readonly Child[];
  readonly taken: Taken;
};
type BuiltFolder = { readonly index: number; readonly walked: WalkedFolder | undefined };
type Building<T extends Before> = {
  readonly listed: Listed;
  readonly before: T;
  readonly folders: readonly BuiltFolder[];
  readonly taken: Taken;
};
type Reading = { readonly which: readonly number[]; readonly contents: Promise<readonly FileContent[]> };

/**
 * Walks a folder depth first, hands what is to be read to the threads and goes on: trees are made as the files of a folder and its
 * folders' trees become known.
 */
export class FolderWalk {
  readonly #options: FolderWalkOptions;
  readonly #newestBelievedNs: bigint;
  readonly #walked: WalkedFolder[] = [];
  #entriesLeft: number;
  #sliceEndsAt = 0;

  constructor(options: FolderWalkOptions) {
    this.#options = options;
    this.#entriesLeft = options.remembers ? maxEntriesRemembered : 0;
    this.#newestBelievedNs = BigInt(options.startMs) * 1_000_000n - clockTickNs;
  }

  /** Resolves with the root, once all is read and all trees were added. Rejects when the folder itself cannot be listed. */
  async run(): Promise<WalkedFolder> {
    const { earlier, tally, files } = this.#options;
    const root = await this.#visit({ path: '', depth: 0, treeBefore: earlier.tree });
    tally.walkEnded();
    files.end();
    return await root();
  }

  /** All folders, after `run`. */
  get walked(): readonly WalkedFolder[] {
    return this.#walked;
  }

  /** Returns when everything below has been listed; what it returns waits until it has been read as well. */
  async #visit({ path, depth, treeBefore }: Place): Promise<() => Promise<WalkedFolder>> {
    await this.#pause();
    const { earlier, tally, ahead } = this.#options;
    const listed = this.#list(path);
    tally.folders += 1;
    const wanted = { remembered: listed.remembered, tree: treeBefore, now: listed.entries, isSame: false };
    const before = listed.same ? undefined : await earlier.folder(wanted);
    const taken: Taken = { stable: listed.print !== '', nodes: [], gone: new Set() };
    if (before === undefined) this.#keepAll(listed);
    const reading = before && this.#take(listed, before, taken);
    const children: Child[] = [];
    for (const [index, name] of listed.entries.names.entries()) {
      if (listed.entries.typeAt(index) !== 'dir') continue;
      ahead?.position.enter(depth, index);
      const below = { depth: depth + 1, treeBefore: this.#treeBefore(path, before, name) };
      const child = await this.#visitChild(joined(path, name), below);
      if (child === undefined) leaveOut(name, taken);
      else children.push({ index, ...child });
    }
    return async () => {
      await this.#takeRead(listed, reading, taken);
      return await this.#build({ listed, before, children, taken });
    };
  }

  /** Undefined for one that cannot be listed. What it returns waits until it has been read. */
  async #visitChild(path: string, below: Omit<Place, 'path'>): Promise<Pick<Child, 'walked'> | undefined> {
    try {
      const walked = await this.#visit({ path, ...below });
      return { walked: quiet(walked()) };
    } catch (error) {
      this.#options.onProblem({ path, ...fileProblem(error) });
      return undefined;
    }
  }

  #list(path: string): Listed {
    const { excludes, onProblem, earlier } = this.#options;
    const skip: Skip = (name, type) => excludes?.(joined(path, name), type === 'dir') ?? false;
    const listing = this.#listing(path, skip);
    const { entries, newestNs, problems } = listing;
    for (const { name, ...problem } of problems) onProblem({ path: joined(path, name), ...problem });
    const print = newestNs >= this.#newestBelievedNs || problems.length > 0 ? '' : folderPrint(entries);
    const remembered = earlier.remembered(path);
    return { path, entries, print, remembered, same: print !== '' && remembered?.print === print };
  }

  #listing(path: string, skip: Skip): FolderListing {
    const { ahead } = this.#options;
    if (ahead === undefined) return listFolder(this.#absolute(path), skip);
    return ahead.take(path) ?? listWithOther(this.#absolute(path), skip, ahead.other(path));
  }

  #keepAll({ entries }: Listed): void {
    for (const index of entries.names.keys()) {
      if (entries.typeAt(index) === 'file') this.#options.tally.unmodified(entries.sizeAt(index));
    }
  }

  /** Takes what need not be read, and hands out what must. */
  #take({ path, entries }: Listed, before: Before, taken: Taken): Reading | undefined {
    const { accounts, earlier, tally, files } = this.#options;
    const which: number[] = [];
    for (const [index, name] of entries.names.entries()) {
      const type = entries.typeAt(index);
      if (type === 'dir') continue;
      if (this.#isKept(entries, index, before, taken)) {
        if (type === 'file') tally.unmodified(entries.sizeAt(index));
        continue;
      }
      const old = type === 'file' ? before.node(name) : undefined;
      if (old !== undefined && earlier.has(entries.at(index).facts, old)) {
        tally.unmodified(old.size);
        taken.nodes.push({ ...nodeOf(entries.at(index), accounts), ...kept(old) });
        continue;
      }
      const size = entries.sizeAt(index);
      if (type === 'file') tally.toRead(size, before.has(name));
      if (type === 'file' && size > 0) which.push(index);
      else this.#takeDetails(path, entries.at(index), taken);
    }
    return which.length === 0
      ? undefined
      : { which, contents: files.read(this.#absolute(path), entries, which) };
  }

  #takeDetails(path: string, entry: Entry, taken: Taken): void {
    const node = nodeOf(entry, this.#options.accounts);
    const details = this.#details(path, entry);
    if (details === undefined) taken.stable = false;
    else taken.nodes.push({ ...node, ...details.node, ...(entry.type === 'file' ? { content: [] } : {}) });
  }

  /** Undefined for what is not there any more, or cannot be looked at. */
  #details(parent: string, entry: Entry): Details | undefined {
    const path = joined(parent, entry.name);
    try {
      const details = readDetails(entry, this.#absolute(path), this.#options.posix);
      this.#tellLost(path, details.lost);
      return details;
    } catch (error) {
      this.#options.onProblem({ path, ...fileProblem(error) });
      return undefined;
    }
  }

  /** By the snapshot that reads the entry: what is taken over from the one before has no trace of them. */
  #tellLost(path: string, lost: readonly string[]): void {
    for (const name of lost) {
      const message = `Its attribute ${name} is left out: a name that is no UTF-8 has no place in a snapshot.`;
      this.#options.onProblem({ path, code: 'attribute', message });
    }
  }

  async #takeRead({ path, entries }: Listed, reading: Reading | undefined, taken: Taken): Promise<void> {
    if (reading === undefined) return;
    const contents = await reading.contents;
    for (const [place, index] of reading.which.entries()) {
      const entry = entries.at(index);
      const { content, size, facts, attributes, lost = [], problem } = contents[place] ?? notRead;
      this.#tellLost(joined(path, entry.name), lost);
      if (problem !== undefined) this.#options.onProblem({ path: joined(path, entry.name), ...problem });
      if (facts !== undefined || problem !== undefined) taken.stable = false;
      if (problem !== undefined && content.length === 0) continue;
      this.#options.tally.taken(size);
      const node = nodeOf({ ...entry, facts: facts ?? entry.facts }, this.#options.accounts);
      const extended = attributes === undefined ? {} : { extendedAttributes: attributes };
      taken.nodes.push({ ...node, size, content, ...extended });
    }
  }

  async #build({ listed, before: known, children, taken }: Visited): Promise<WalkedFolder> {
    const { remembered, entries, path } = listed;
    const walked = await Promise.all(children.map((child) => child.walked));
    const folders = children.map(({ index }, at) => ({ index, walked: walked[at] }));
    const isSame = listed.same && taken.stable && walked.every(({ same }) => same);
    let tree = isSame ? remembered?.tree : undefined;
    if (tree === undefined) {
      const before =
        known ?? (await this.#options.earlier.folder({ remembered, now: entries, isSame: true }));
      tree = await (before instanceof FolderPatch
        ? this.#patch({ listed, before, folders, taken })
        : this.#make({ listed, before, folders, taken }));
    }
    const print = taken.stable ? listed.print : '';
    const same = tree === remembered?.tree;
    const walkedFolder = { path, tree, print, entries: this.#rememberable(entries, print), same };
    this.#walked.push(walkedFolder);
    return walkedFolder;
  }

  #rememberable({ names, joinedNames, facts }: FolderEntries, print: string): ListedEntries | undefined {
    // Names that are no UTF-8 would be others when they are read.
    if (print === '' || names.length > this.#entriesLeft || !joinedNames.isWellFormed()) return undefined;
    this.#entriesLeft -= names.length;
    // Without the names one by one.
    return { joinedNames, facts };
  }

  async #make({ listed, before, folders, taken }: Building<EarlierFolder>): Promise<BlobId> {
    // Of a folder whose entries are as they were, while something below is not, all are taken.
    const files = listed.same ? before.others : taken.nodes;
    const nodes = folders.map((folder) => this.#folderNode(listed, folder, before));
    return await this.#options.trees.add([...files, ...nodes]);
  }

  async #patch({ listed, before, folders, taken }: Building<FolderPatch>): Promise<BlobId> {
    const { names } = listed.entries;
    const nodes = new Map(taken.nodes.map((node) => [node.name, node]));
    for (const folder of folders) {
      if (folder.walked?.same === true && this.#isSame(listed.entries, folder.index, before)) continue;
      nodes.set(names[folder.index] ?? '', this.#folderNode(listed, folder, before));
    }
    const plain = before.tree(nodes, taken.gone);
    if (plain === undefined) throw new ParentDamaged(`The tree of ${listed.path} is not what is remembered`);
    return await this.#options.trees.addPlain(plain);
  }

  #folderNode({ path, entries }: Listed, { index, walked }: BuiltFolder, before: Before): Node {
    const entry = entries.at(index);
    const subtree = walked?.tree;
    const node = nodeOf(entry, this.#options.accounts);
    const details = this.#isSame(entries, index, before) ? undefined : this.#details(path, entry);
    return { ...node, ...details?.node, ...(subtree === undefined ? {} : { subtree }) };
  }

  #isSame(entries: FolderEntries, index: number, before: Before): boolean {
    if (before instanceof FolderPatch)
      return before.isSame(index) && this.#options.earlier.believes(entries.at(index).facts);
    return this.#unchanged(entries.at(index), before) !== undefined;
  }

  /** Whether an entry that is no folder stays as it was: it is among the nodes then, or where the patch leaves it. */
  #isKept(entries: FolderEntries, index: number, before: Before, { nodes }: Taken): boolean {
    // What a print stands for is older than the snapshot that saw it.
    if (before instanceof FolderPatch) return before.isSame(index);
    const same = this.#unchanged(entries.at(index), before);
    if (same !== undefined) nodes.push(same);
    return same !== undefined;
  }

  #unchanged(entry: Entry, before: EarlierFolder): EncodedNode | undefined {
    if (before.text(entry.name) === undefined) return undefined;
    const head = encodeNodeHead(nodeOf(entry, this.#options.accounts));
    return this.#options.earlier.unchanged(entry, head, before);
  }

  /** Where it is remembered it is not looked up. */
  #treeBefore(path: string, before: Before | undefined, name: string): BlobId | undefined {
    const { earlier } = this.#options;
    const known = before === undefined || earlier.remembered(joined(path, name)) !== undefined;
    return known ? undefined : before.node(name)?.subtree;
  }

  #absolute(path: string): string {
    return path === '' ? this.#options.folder : `${this.#options.folder}/${path}`;
  }

  /** Listing is synchronous, for speed; packs and results want their turn too. */
  async #pause(): Promise<void> {
    this.#options.signal.throwIfAborted();
    await this.#options.files.room();
    if (performance.now() < this.#sliceEndsAt) return;
    await setImmediate();
    this.#sliceEndsAt = performance.now() + walkSliceMs;
  }
}

/** Every file of a job is answered; this is for the compiler. */
const notRead: FileContent = {
  content: [],
  size: 0,
  problem: { code: 'unreadable', message: 'It was not read.' },
};

function joined(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}

function kept({ content, extendedAttributes }: TreeNode): Partial<TreeNode> {
  return { ...(content && { content }), ...(extendedAttributes && { extendedAttributes }) };
}

function leaveOut(folder: string, taken: Taken): void {
  taken.stable = false;
  taken.gone.add(folder);
}

/** It is waited for later; a failure until then is no unhandled one. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
