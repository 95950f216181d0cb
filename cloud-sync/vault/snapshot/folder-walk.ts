import { setImmediate } from 'node:timers/promises';
import type { Posix } from '../../../lib/posix.ts';
import type { BlobId } from '../format/blob-id.ts';
import type { TreeNode } from '../format/tree-node.ts';
import type { AccountNames } from './account-names.ts';
import { clockTickNs, type EarlierSnapshot } from './earlier-snapshot.ts';
import { nodeOf, readDetails, type Entry } from './entry-node.ts';
import type { Exclusion } from './exclude-patterns.ts';
import { fileProblem } from './file-reader.ts';
import type { FileContent, FileQueue } from './file-queue.ts';
import { printOf } from './folder-print.ts';
import { listFolder } from './list-folder.ts';
import { walkSliceMs } from './snapshot-limits.ts';
import type { SnapshotProblem } from './snapshot-request.ts';
import type { SnapshotTally } from './snapshot-tally.ts';

export type FolderWalkOptions = {
  /** Absolute, its links resolved by the system as far as they lead to it. */
  readonly folder: string;
  readonly excludes: Exclusion | undefined;
  readonly earlier: EarlierSnapshot;
  readonly files: Pick<FileQueue, 'read' | 'flush' | 'room'>;
  readonly trees: { add(nodes: readonly TreeNode[]): Promise<BlobId> };
  readonly accounts: AccountNames;
  readonly posix: Posix | undefined;
  readonly tally: SnapshotTally;
  readonly onProblem: (problem: SnapshotProblem) => void;
  /** Milliseconds since 1970, before anything was looked at. */
  readonly startMs: number;
  readonly signal: AbortSignal;
};

export type WalkedFolder = {
  readonly path: string;
  readonly tree: BlobId;
  /** Of the entries; '' when they are not to be believed next time without a look. */
  readonly print: string;
};

type Listed = {
  readonly path: string;
  readonly entries: readonly Entry[];
  readonly print: string;
  readonly same: boolean;
};
type Child = { readonly entry: Entry; readonly walked: Promise<WalkedFolder> };
/** What becomes of an entry that is no folder; undefined when it was not taken. `stable`: its facts are those of the print. */
type Taken = { readonly node: TreeNode | undefined; readonly stable: boolean };

/**
 * Walks a folder depth first, hands what is to be read to the threads and goes on: trees are made as the files of a folder and its
 * folders' trees become known.
 */
export class FolderWalk {
  readonly #options: FolderWalkOptions;
  readonly #newestBelievedNs: bigint;
  readonly #walked: WalkedFolder[] = [];
  #sliceEndsAt = 0;

  constructor(options: FolderWalkOptions) {
    this.#options = options;
    this.#newestBelievedNs = BigInt(options.startMs) * 1_000_000n - clockTickNs;
  }

  /** Resolves with the root, once all is read and all trees were added. Rejects when the folder itself cannot be listed. */
  async run(): Promise<WalkedFolder> {
    const { earlier, files, tally } = this.#options;
    const root = await this.#visit('', earlier.tree);
    files.flush();
    tally.walkEnded();
    return await root();
  }

  /** All folders, after `run`. */
  get walked(): readonly WalkedFolder[] {
    return this.#walked;
  }

  /** Returns when everything below has been listed; what it returns waits until it has been read as well. */
  async #visit(path: string, treeBefore: BlobId | undefined): Promise<() => Promise<WalkedFolder>> {
    await this.#pause();
    const { earlier, tally } = this.#options;
    const listed = this.#list(path);
    tally.folders += 1;
    const remembered = earlier.remembered(path);
    const before = listed.same ? undefined : await earlier.entries(remembered?.tree ?? treeBefore);
    const others: Promise<Taken>[] = [];
    const children: Child[] = [];
    for (const entry of listed.entries) {
      if (entry.type === 'dir') {
        const child = await this.#visitChild(listed.path, entry, before?.get(entry.name)?.subtree);
        if (child !== undefined) children.push(child);
      } else if (before === undefined) tally.unmodified(entry);
      else others.push(quiet(this.#take(path, entry, before.get(entry.name))));
    }
    const missing = listed.entries.filter(({ type }) => type === 'dir').length - children.length;
    const stable = listed.print !== '' && missing === 0;
    return () => this.#build({ ...listed, print: stable ? listed.print : '' }, children, others);
  }

  async #visitChild(
    parent: string,
    entry: Entry,
    treeBefore: BlobId | undefined,
  ): Promise<Child | undefined> {
    const path = parent === '' ? entry.name : `${parent}/${entry.name}`;
    try {
      const walked = await this.#visit(path, treeBefore);
      return { entry, walked: quiet(walked()) };
    } catch (error) {
      this.#options.onProblem({ path, ...fileProblem(error) });
      return undefined;
    }
  }

  #list(path: string): Listed {
    const { excludes, onProblem, earlier } = this.#options;
    const inPath = path === '' ? '' : `${path}/`;
    const { entries, problems } = listFolder(
      this.#absolute(path),
      ({ name, type }) => excludes?.(inPath + name, type === 'dir') ?? false,
    );
    for (const { name, ...problem } of problems) onProblem({ path: inPath + name, ...problem });
    const racy = entries.some(({ type, facts }) => type !== 'dir' && facts.ctimeNs >= this.#newestBelievedNs);
    const print = racy || problems.length > 0 ? '' : printOf(entries);
    return { path, entries, print, same: print !== '' && earlier.remembered(path)?.print === print };
  }

  async #take(folder: string, entry: Entry, before: TreeNode | undefined): Promise<Taken> {
    const { accounts, earlier, tally, files } = this.#options;
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    const node = nodeOf(entry, accounts);
    if (entry.type === 'file') {
      if (before !== undefined && earlier.has(entry.facts, before)) {
        tally.unmodified(entry);
        return { node: { ...node, ...kept(before) }, stable: true };
      }
      tally.toRead(entry, before !== undefined);
      if (node.size > 0)
        return this.#takeRead(entry, path, await files.read(this.#absolute(path), entry.facts));
    }
    const details = this.#details(entry, path);
    if (details === undefined) return { node: undefined, stable: false };
    return { node: { ...node, ...details, ...(entry.type === 'file' ? { content: [] } : {}) }, stable: true };
  }

  #details(entry: Entry, path: string): ReturnType<typeof readDetails> | undefined {
    try {
      return readDetails(entry, this.#absolute(path), this.#options.posix);
    } catch (error) {
      this.#options.onProblem({ path, ...fileProblem(error) });
      return undefined;
    }
  }

  #takeRead(entry: Entry, path: string, { content, size, facts, attributes, problem }: FileContent): Taken {
    if (problem !== undefined) this.#options.onProblem({ path, ...problem });
    const stable = facts === undefined && problem === undefined;
    if (problem !== undefined && content.length === 0) return { node: undefined, stable };
    this.#options.tally.taken(size);
    const node = nodeOf({ ...entry, facts: facts ?? entry.facts }, this.#options.accounts);
    const extended = attributes === undefined ? {} : { extendedAttributes: attributes };
    return { node: { ...node, size, content, ...extended }, stable };
  }

  async #build(
    listed: Listed,
    children: readonly Child[],
    others: readonly Promise<Taken>[],
  ): Promise<WalkedFolder> {
    const { earlier, trees } = this.#options;
    const walked = await Promise.all(children.map((child) => child.walked));
    const taken = await Promise.all(others);
    const remembered = earlier.remembered(listed.path);
    const print = taken.every(({ stable }) => stable) ? listed.print : '';
    const asBefore =
      listed.same &&
      print !== '' &&
      walked.every(({ path, tree }) => earlier.remembered(path)?.tree === tree);
    let tree = remembered?.tree;
    if (!asBefore || tree === undefined) {
      const files = listed.same ? await this.#earlierNodes(listed) : taken.flatMap(({ node }) => node ?? []);
      const folders = children.map(({ entry }, index) => this.#folderNode(listed.path, entry, walked[index]));
      tree = await trees.add([...files, ...folders]);
    }
    const folder = { path: listed.path, tree, print };
    this.#walked.push(folder);
    return folder;
  }

  /** Of a folder whose entries are as they were, while something below is not. */
  async #earlierNodes({ path }: Listed): Promise<TreeNode[]> {
    const { earlier } = this.#options;
    const nodes = await earlier.entries(earlier.remembered(path)?.tree);
    return [...nodes.values()].filter(({ type }) => type !== 'dir');
  }

  #folderNode(parent: string, entry: Entry, walked: WalkedFolder | undefined): TreeNode {
    const path = parent === '' ? entry.name : `${parent}/${entry.name}`;
    const node = { ...nodeOf(entry, this.#options.accounts), ...this.#details(entry, path) };
    return walked === undefined ? node : { ...node, subtree: walked.tree };
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

function kept({ content, extendedAttributes }: TreeNode): Partial<TreeNode> {
  return { ...(content && { content }), ...(extendedAttributes && { extendedAttributes }) };
}

/** It is waited for later; a failure until then is no unhandled one. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
