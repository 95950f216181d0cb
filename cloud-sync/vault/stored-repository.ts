import type { CallOptions, VaultBackend } from './backend/backend.ts';
import { FileBlobIndex, GrowingIndex, type ReadIndexFile } from './blob-index.ts';
import { SyncError } from '../errors.ts';
import { decodeBlob } from './format/blob-codec.ts';
import type { BlobId, BlobType } from './format/blob-id.ts';
import type { RepositoryConfig } from './format/config-file.ts';
import { decodeIndex, encodeIndex, maxIndexBytes } from './format/index-file.ts';
import type { MasterKey } from './format/master-key.ts';
import { Sealer } from './format/sealer.ts';
import type { Snapshot, SnapshotDocument } from './format/snapshot-document.ts';
import { encodeSnapshot } from './format/snapshot-file.ts';
import { decodeTree } from './format/tree.ts';
import type { TreeNode } from './format/tree-node.ts';
import { inParallel } from './in-parallel.ts';
import { intoIndexFiles } from './index-files.ts';
import { readIndexMemory, writeIndexMemory } from './index-memory.ts';
import { readStored, rethrowNamed } from './read-stored.ts';
import type { BlobIndex, BlobLocation, IndexOptions, PackContents, Repository } from './repository.ts';
import { SnapshotReader } from './snapshot-reader.ts';

const filesAtOnce = 4;
/** An index file may be replaced between its listing and its reading by a prune: then the list is read again. */
const maxIndexAttempts = 4;
/** What is less than this is not worth a file to be written. */
const minBlobsToRemember = 1_000;
/** 60 bytes each, in memory while a snapshot is taken. */
const maxBlobsRemembered = 1_000_000;

type StoredRepositoryOptions = {
  readonly backend: VaultBackend;
  readonly key: MasterKey;
  readonly config: RepositoryConfig;
};

/** A repository in a backend, which it disposes of. Index and snapshots are kept in memory once read. */
export class StoredRepository implements Repository {
  readonly id: string;
  readonly version: 1 | 2;
  readonly backend: VaultBackend;
  readonly key: MasterKey;
  readonly #sealer: Sealer;
  readonly #snapshots: SnapshotReader;
  #index = FileBlobIndex.empty;
  /** Not read yet, or known to lack what this repository itself has added. */
  #indexStale = true;
  #indexReading: Promise<unknown> = Promise.resolve();
  /** Blobs that a memory had, once the index was read with one. */
  #rememberedCount: number | undefined;
  /** What was added to that index since. */
  #added: ReadIndexFile[] = [];
  #addedCount = 0;
  /** That index and what was added, once that is to be remembered. */
  #growing: GrowingIndex | undefined;

  constructor({ backend, key, config }: StoredRepositoryOptions) {
    this.id = config.id;
    this.version = config.version;
    this.backend = backend;
    this.key = key;
    this.#sealer = new Sealer(key);
    this.#snapshots = new SnapshotReader(backend, this.#sealer);
  }

  snapshots(
    options: CallOptions & { readonly onDamaged?: (id: string, error: Error) => void },
  ): Promise<Snapshot[]> {
    return this.#snapshots.all(options);
  }

  snapshot(id: string, options: CallOptions): Promise<Snapshot> {
    return this.#snapshots.one(id, options);
  }

  findSnapshot(
    text: string,
    options: CallOptions & { readonly among?: (snapshot: Snapshot) => boolean },
  ): Promise<Snapshot> {
    return this.#snapshots.find(text, options);
  }

  async addSnapshot(document: SnapshotDocument, { signal }: CallOptions): Promise<string> {
    const { name, bytes } = encodeSnapshot(this.#sealer, document, this.version);
    await this.backend.write('snapshots', name, bytes, { signal });
    return name;
  }

  index(options: IndexOptions): Promise<BlobIndex> {
    const reading = this.#indexReading.then(() => this.#readIndex(options, maxIndexAttempts));
    this.#indexReading = reading.catch(() => undefined);
    return reading;
  }

  async addIndex(
    packs: readonly PackContents[],
    { signal, supersedes = [] }: CallOptions & { readonly supersedes?: readonly string[] },
  ): Promise<string[]> {
    const names: string[] = [];
    for (const some of intoIndexFiles(packs)) {
      const document = { packs: some, ...(names.length === 0 && { supersedes }) };
      const { name, bytes } = encodeIndex(this.#sealer, document, this.version);
      await this.backend.write('index', name, bytes, { signal });
      this.#indexStale = true;
      if (supersedes.length > 0) this.#rememberedCount = undefined;
      this.#grow(name, some);
      names.push(name);
    }
    return names;
  }

  async rememberIndex(path: string): Promise<void> {
    if (!this.#isWorthRemembering()) return;
    const index = this.#growing?.index ?? this.#index;
    await writeIndexMemory(path, this.key, index);
    this.#rememberedCount = index.blobCount;
  }

  async readBlob(id: BlobId, type: BlobType, { signal }: CallOptions): Promise<Buffer> {
    const index = this.#indexStale ? await this.index({ signal }) : this.#index;
    try {
      return await this.#readBy(index, { id, type, signal });
    } catch (error) {
      if (!(error instanceof SyncError) || error.code !== 'notFound') throw error;
      // A prune may have moved it since the index was read: readers hold no lock.
      const newer = await this.index({ signal });
      if (newer === index) throw error;
      return await this.#readBy(newer, { id, type, signal });
    }
  }

  async readTree(id: BlobId, options: CallOptions): Promise<readonly TreeNode[]> {
    const bytes = await this.readBlob(id, 'tree', options);
    try {
      return decodeTree(bytes);
    } catch (error) {
      return rethrowNamed(error, `tree ${id}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.backend[Symbol.asyncDispose]();
  }

  async #readBy(
    index: BlobIndex,
    { id, type, signal }: CallOptions & { readonly id: BlobId; readonly type: BlobType },
  ): Promise<Buffer> {
    const locations = index.locations(id, type);
    const failures: unknown[] = [];
    for (const location of locations) {
      try {
        return await this.#readAt(id, location, signal);
      } catch (error) {
        signal.throwIfAborted();
        failures.push(error);
      }
    }
    if (failures.length === 0) {
      throw new SyncError('notFound', `The index of the repository has no ${type} blob ${id}`);
    }
    // Of several failures one that may pass: its caller should try again.
    throw failures.find((error) => error instanceof SyncError && error.transient) ?? failures[0];
  }

  async #readAt(id: BlobId, location: BlobLocation, signal: AbortSignal): Promise<Buffer> {
    const { pack, offset, length, uncompressedLength } = location;
    const sealed = await this.backend.read('data', pack, { signal, range: { offset, length } });
    try {
      return decodeBlob(this.#sealer, sealed, { id, uncompressedLength });
    } catch (error) {
      return rethrowNamed(error, `blob ${id} at ${offset} in pack ${pack}`);
    }
  }

  async #readIndex(options: IndexOptions, attempts: number): Promise<BlobIndex> {
    const listed = new Set((await this.backend.list('index', options)).map(({ name }) => name));
    const remembered = this.#index === FileBlobIndex.empty ? await this.#remembered(options) : undefined;
    const read = remembered ?? this.#index;
    const known = new Set(read.files);
    const base = known.isSubsetOf(listed) ? read : FileBlobIndex.empty;
    const missing = [...listed].filter((name) => base === FileBlobIndex.empty || !known.has(name));
    try {
      this.#index = missing.length === 0 ? base : await base.with(this.#read(missing, options));
    } catch (error) {
      const replaced = error instanceof SyncError && error.code === 'notFound' && attempts > 1;
      if (replaced) return this.#readIndex(options, attempts - 1);
      throw error;
    }
    this.#indexStale = false;
    if (options.memory !== undefined) this.#rememberedCount ??= base === remembered ? base.blobCount : 0;
    // It has what was added here too.
    [this.#added, this.#addedCount, this.#growing] = [[], 0, undefined];
    return this.#index;
  }

  async #remembered({ memory }: IndexOptions): Promise<FileBlobIndex> {
    const remembered = memory === undefined ? undefined : await readIndexMemory(memory, this.key);
    return remembered ?? FileBlobIndex.empty;
  }

  /** That it saves time must not cost a snapshot: memory for it may lack. */
  #grow(name: string, packs: readonly PackContents[]): void {
    if (this.#rememberedCount === undefined) return;
    this.#added.push({ name, document: { packs } });
    this.#addedCount += packs.reduce((count, { blobs }) => count + blobs.length, 0);
    try {
      if (this.#isWorthRemembering()) {
        this.#growing ??= new GrowingIndex(this.#index);
        for (const { name, document } of this.#added.splice(0)) this.#growing.add(name, document.packs);
      }
      if (this.#index.blobCount + this.#addedCount <= maxBlobsRemembered) return;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
    [this.#added, this.#growing, this.#rememberedCount] = [[], undefined, undefined];
  }

  #isWorthRemembering(): boolean {
    const count = this.#index.blobCount + this.#addedCount;
    if (this.#rememberedCount === undefined || count > maxBlobsRemembered) return false;
    return count - this.#rememberedCount >= Math.max(minBlobsToRemember, count / 20);
  }

  async *#read(names: readonly string[], options: IndexOptions): AsyncGenerator<ReadIndexFile> {
    for (let at = 0; at < names.length; at += filesAtOnce) {
      const some = names.slice(at, at + filesAtOnce);
      const files = await inParallel(some, filesAtOnce, async (name) => ({
        name,
        bytes: await this.#unlessDamaged(name, options, () => this.#indexBytes(name, options)),
      }));
      for (const { name, bytes } of files) {
        if (bytes === undefined) continue;
        const decode = () => decodeIndex(this.#sealer, bytes);
        const document = await this.#unlessDamaged(name, options, decode);
        if (document !== undefined) yield { name, document };
      }
    }
  }

  #indexBytes(name: string, { signal }: CallOptions): Promise<Buffer> {
    return readStored(this.backend, { type: 'index', name, maxBytes: maxIndexBytes, signal });
  }

  /** Undefined for what `onDamaged` takes. */
  async #unlessDamaged<Result>(
    name: string,
    { onDamaged }: IndexOptions,
    read: () => Result | Promise<Result>,
  ): Promise<Result | undefined> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof SyncError) || !['corrupt', 'tooLarge'].includes(error.code)) throw error;
      const damage = damagedIndex(name, error);
      if (onDamaged === undefined) throw damage;
      onDamaged(name, damage);
      return undefined;
    }
  }
}

function damagedIndex(name: string, cause: SyncError): SyncError {
  return new SyncError(cause.code, `Cannot read the index file ${name}: ${cause.message}`, {
    // A disk that fails says so itself.
    hint: cause.hint ?? 'Write it anew from what the packs say: holdfast vault repair index.',
    cause,
  });
}
