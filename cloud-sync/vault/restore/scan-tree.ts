import { SyncError } from '../../errors.ts';
import type { BlobId } from '../format/blob-id.ts';
import { bytesOfName, nameOfBytes } from '../format/name-bytes.ts';
import type { TreeNode } from '../format/tree-node.ts';
import type { BlobIndex, BlobLocation } from '../repository.ts';
import type { RestoreProblem } from './restore-problem.ts';
import type {
  Attributes,
  Chunk,
  StagedFile,
  StagedFolder,
  StagedLink,
  StagedNode,
  StagedTree,
} from './staged-tree.ts';

export type TreeSource = {
  readonly index: Pick<BlobIndex, 'find'>;
  /** Entries of a folder; rejects with `corrupt` or `notFound` when it cannot be read. */
  readonly readTree: (id: BlobId) => Promise<readonly TreeNode[]>;
};

export type ScanOptions = {
  /** Where in the snapshot these entries are: '' for the root, else with a slash before each name. For the paths of problems. */
  readonly above: string;
  readonly signal: AbortSignal;
};

/** Sealed bytes are longer than plain ones by this much. */
const sealBytes = 32;
/** Beyond what one restore holds in memory: a tree of trees can name more entries than there are bytes. */
const maxEntries = 10_000_000;
/** PATH_MAX of Linux without the NUL. Also ends what goes on forever. */
const maxPathBytes = 4_095;

/**
 * Lists what a restore of `nodes` has to make, folder by folder. A folder that cannot be read and a file with a blob that no index names
 * are problems, not part of the tree. Names that would lead elsewhere are refused here too, whatever the decoder let through.
 */
export async function scanTree(
  source: TreeSource,
  nodes: readonly TreeNode[],
  options: ScanOptions,
): Promise<StagedTree> {
  const scan = new TreeScan(source, options);
  await scan.entries(nodes);
  return scan.tree;
}

class TreeScan {
  readonly #source: TreeSource;
  readonly #above: string;
  readonly #signal: AbortSignal;
  readonly #folders: StagedFolder[] = [];
  readonly #files: StagedFile[] = [];
  readonly #nodes: StagedNode[] = [];
  readonly #links: StagedLink[] = [];
  readonly #problems: RestoreProblem[] = [];
  readonly #chunks = new Map<BlobId, Chunk | undefined>();
  readonly #linked = new Map<string, { path: string; file: number | undefined; content: string }>();
  #bytes = 0;
  #entries = 0;

  constructor(source: TreeSource, { above, signal }: ScanOptions) {
    this.#source = source;
    this.#above = above;
    this.#signal = signal;
  }

  get tree(): StagedTree {
    return {
      folders: this.#folders,
      files: this.#files,
      nodes: this.#nodes,
      links: this.#links,
      problems: this.#problems,
      bytes: this.#bytes,
    };
  }

  async entries(nodes: readonly TreeNode[]): Promise<void> {
    // A stack of our own, as deep as folders are: parents come before what is below them.
    const waiting: { readonly id: BlobId; readonly folder: StagedFolder }[] = [];
    this.#add(nodes, '', (id, folder) => waiting.push({ id, folder }));
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      this.#signal.throwIfAborted();
      const { folder, id } = next;
      const children = await this.#read(id, folder.path);
      if (children === undefined) continue;
      this.#folders.push(folder);
      this.#add(children, `${folder.path}/`, (subtree, below) =>
        waiting.push({ id: subtree, folder: below }),
      );
    }
  }

  async #read(id: BlobId, path: string): Promise<readonly TreeNode[] | undefined> {
    try {
      return await this.#source.readTree(id);
    } catch (error) {
      const code = unreadableCode(error);
      if (code === undefined) throw error;
      this.#problem(path, code, (error as Error).message);
      return undefined;
    }
  }

  #add(nodes: readonly TreeNode[], prefix: string, enter: (id: BlobId, folder: StagedFolder) => void): void {
    this.#entries += nodes.length;
    if (this.#entries > maxEntries) {
      throw new SyncError(
        'tooLarge',
        `The snapshot has more than ${maxEntries} entries. Restore its parts one by one`,
      );
    }
    const names = new Set<string>();
    for (const node of nodes) {
      const path = prefix + node.name;
      if (!isSafeName(node.name) || names.has(node.name)) {
        this.#problem(
          path,
          'damaged',
          `The name ${JSON.stringify(node.name)} cannot be an entry of a folder`,
        );
      } else if (Buffer.byteLength(path) > maxPathBytes) {
        this.#problem(path, 'unwritable', `The path is longer than ${maxPathBytes} bytes`);
      } else if (node.type === 'dir') this.#addFolder(node, path, enter);
      else this.#addLeaf(node, path);
      names.add(node.name);
    }
  }

  #addFolder(node: TreeNode, path: string, enter: (id: BlobId, folder: StagedFolder) => void): void {
    if (node.subtree === undefined) this.#problem(path, 'damaged', 'The folder names no tree');
    else enter(node.subtree, { path, attributes: attributesOf(node) });
  }

  #addLeaf(node: TreeNode, path: string): void {
    if (node.links <= 1) {
      this.#addAlone(node, path);
      return;
    }
    const content = (node.content ?? []).join() + (node.linkTarget ?? '');
    const key = `${node.type} ${node.deviceId} ${node.inode}`;
    const first = this.#linked.get(key);
    // The same inode with another content was another file when it was read.
    if (first?.content === content) {
      this.#links.push({ path, of: first.path, file: first.file });
      return;
    }
    const file = node.type === 'file' ? this.#files.length : undefined;
    if (this.#addAlone(node, path)) this.#linked.set(key, { path, file, content });
  }

  #addAlone(node: TreeNode, path: string): boolean {
    return node.type === 'file' ? this.#addFile(node, path) : this.#addNode(node, path);
  }

  #addFile(node: TreeNode, path: string): boolean {
    const chunks: Chunk[] = [];
    let bytes = 0;
    for (const id of node.content ?? []) {
      const chunk = this.#chunk(id);
      if (chunk === undefined) {
        this.#problem(path, 'missing', `No index names its blob ${id}`);
        return false;
      }
      bytes += chunk.plainBytes;
      chunks.push(chunk);
    }
    this.#files.push({ path, attributes: attributesOf(node), chunks, bytes });
    this.#bytes += bytes;
    return true;
  }

  /** A socket is nothing without the process that listens on it: left out, as restic does. */
  #addNode(node: TreeNode, path: string): boolean {
    if (node.type === 'socket' || node.type === 'file' || node.type === 'dir') return false;
    const { type, linkTarget = '', device = 0 } = node;
    this.#nodes.push({ path, attributes: attributesOf(node), type, linkTarget, device });
    return true;
  }

  #chunk(id: BlobId): Chunk | undefined {
    if (!this.#chunks.has(id)) {
      const location = this.#source.index.find(id, 'data');
      this.#chunks.set(id, location && chunkAt(id, location));
    }
    return this.#chunks.get(id);
  }

  #problem(path: string, code: RestoreProblem['code'], message: string): void {
    this.#problems.push({ path: `${this.#above}/${path}`, code, message });
  }
}

/** What a failed read of the repository means for the files that need it; undefined when the read may succeed later. */
export function unreadableCode(error: unknown): 'missing' | 'damaged' | undefined {
  if (!(error instanceof SyncError) || error.transient) return undefined;
  if (error.code === 'notFound') return 'missing';
  return error.code === 'corrupt' || error.code === 'damaged' ? 'damaged' : undefined;
}

function chunkAt(id: BlobId, { pack, offset, length, uncompressedLength }: BlobLocation): Chunk {
  const plainBytes = uncompressedLength ?? length - sealBytes;
  return { id, pack, offset, length, uncompressedLength, plainBytes };
}

/** Most entries have none, and the same time twice: one object for all of them. */
const noAttributes: Attributes['extended'] = [];

function attributesOf(node: TreeNode): Attributes {
  const { mode, uid, gid, mtimeNs, extendedAttributes: extended = noAttributes } = node;
  return { mode, uid, gid, mtimeNs, atimeNs: node.atimeNs === mtimeNs ? mtimeNs : node.atimeNs, extended };
}

function isSafeName(name: string): boolean {
  if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name)) return false;
  // Two texts for the same bytes would be two entries of one name.
  return name.isWellFormed() || nameOfBytes(bytesOfName(name)) === name;
}
