import type { CallOptions } from '../backend/backend.ts';
import { decodeBlob } from '../format/blob-codec.ts';
import type { BlobId } from '../format/blob-id.ts';
import { Sealer } from '../format/sealer.ts';
import { decodeTree } from '../format/tree.ts';
import type { TreeNode } from '../format/tree-node.ts';
import type { BlobIndex, BlobLocation, Repository } from '../repository.ts';

type Window = { readonly pack: string; readonly offset: number; readonly bytes: Buffer };

/** Trees that are asked for one by one before more is read along. */
const singleReads = 4;
const windowBytes = 2 ** 20;
/** 8 MiB in memory. */
const maxWindows = 8;

/**
 * Reads many trees of a repository: once a pack was asked for some, whole stretches of it are read, in which the next ones lie. What
 * does not verify there is read again through the repository, which knows other places and says what is wrong.
 */
export class TreeReader {
  readonly #repository: Repository;
  readonly #index: BlobIndex;
  readonly #sealer: Sealer;
  readonly #signal: AbortSignal;
  readonly #reads = new Map<string, number>();
  readonly #windows: Window[] = [];

  constructor(repository: Repository, index: BlobIndex, { signal }: CallOptions) {
    this.#repository = repository;
    this.#index = index;
    this.#sealer = new Sealer(repository.key);
    this.#signal = signal;
  }

  /** Rejects with `corrupt` or `notFound` for a tree that cannot be read. */
  readonly read = async (id: BlobId): Promise<readonly TreeNode[]> => {
    const plain = await this.#tryWithOthers(id);
    const nodes = plain && triedTree(plain);
    return nodes ?? this.#repository.readTree(id, { signal: this.#signal });
  };

  /** The bytes of a tree, as `read` has them. */
  readonly readPlain = async (id: BlobId): Promise<Buffer> => {
    const plain = await this.#tryWithOthers(id);
    return plain ?? this.#repository.readBlob(id, 'tree', { signal: this.#signal });
  };

  async #tryWithOthers(id: BlobId): Promise<Buffer | undefined> {
    const location = this.#index.find(id, 'tree');
    return location && (await this.#readWithOthers(id, location));
  }

  /** Undefined when that does not pay, or fails. */
  async #readWithOthers(
    id: BlobId,
    { pack, offset, length, uncompressedLength }: BlobLocation,
  ): Promise<Buffer | undefined> {
    const reads = (this.#reads.get(pack) ?? 0) + 1;
    this.#reads.set(pack, reads);
    if (reads <= singleReads || length > windowBytes / 2) return undefined;
    const window = this.#known(pack, offset, length) ?? (await this.#readWindow(pack, offset, length));
    if (window === undefined) return undefined;
    const start = offset - window.offset;
    try {
      const sealed = window.bytes.subarray(start, start + length);
      return decodeBlob(this.#sealer, sealed, { id, uncompressedLength });
    } catch {
      return undefined;
    }
  }

  #known(pack: string, offset: number, length: number): Window | undefined {
    const at = this.#windows.findIndex((window) => window.pack === pack && holds(window, offset, length));
    if (at <= 0) return this.#windows[at];
    const [window] = this.#windows.splice(at, 1);
    if (window !== undefined) this.#windows.unshift(window);
    return window;
  }

  /** With as much before as after: which way a walk goes through a pack depends on who wrote it. */
  async #readWindow(pack: string, offset: number, length: number): Promise<Window | undefined> {
    const end = this.#index.endOf(pack);
    const middle = offset + Math.ceil(length / 2);
    const start = Math.max(0, Math.min(middle - windowBytes / 2, end - windowBytes));
    const range = { offset: start, length: Math.min(windowBytes, end - start) };
    try {
      const bytes = await this.#repository.backend.read('data', pack, { signal: this.#signal, range });
      const window = { pack, offset: start, bytes };
      this.#windows.unshift(window);
      this.#windows.splice(maxWindows);
      return holds(window, offset, length) ? window : undefined;
    } catch {
      this.#signal.throwIfAborted();
      // Not tried again for every tree in it.
      this.#reads.set(pack, -Infinity);
      return undefined;
    }
  }
}

/** Undefined for what is no tree: the repository says what is wrong with it. */
function triedTree(plain: Buffer): readonly TreeNode[] | undefined {
  try {
    return decodeTree(plain);
  } catch {
    return undefined;
  }
}

function holds({ offset, bytes }: Window, start: number, length: number): boolean {
  return offset <= start && start + length <= offset + bytes.length;
}
