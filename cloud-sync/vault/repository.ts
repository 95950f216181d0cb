import type { CallOptions, VaultBackend } from './backend/backend.ts';
import type { BlobId, BlobType } from './format/blob-id.ts';
import type { MasterKey } from './format/master-key.ts';
import type { Snapshot, SnapshotDocument } from './format/snapshot-document.ts';
import type { TreeNode } from './format/tree-node.ts';

export type BlobLocation = {
  readonly pack: string;
  readonly offset: number;
  /** Sealed, as it lies in the pack. */
  readonly length: number;
  /** Plain bytes when it is compressed; else undefined. */
  readonly uncompressedLength?: number;
};

/** One blob as an index, or the header of its pack, lists it. */
export type PackedBlob = {
  readonly id: BlobId;
  readonly type: BlobType;
  readonly offset: number;
  readonly length: number;
  readonly uncompressedLength?: number;
};

export type PackContents = { readonly pack: string; readonly blobs: readonly PackedBlob[] };

/** Every blob that the index files name. A blob may lie in several packs. */
export type BlobIndex = {
  /** The index files it was made of. */
  readonly files: readonly string[];
  readonly blobCount: number;
  has(id: BlobId, type: BlobType): boolean;
  /** Where to read it, the first of `locations`. */
  find(id: BlobId, type: BlobType): BlobLocation | undefined;
  locations(id: BlobId, type: BlobType): readonly BlobLocation[];
  packs(): IterableIterator<PackContents>;
  /** For threads, to tell what is in it: a copy. */
  shared(): SharedBlobs;
  /** Where the last blob of a pack ends, in bytes: so far it can be read. 0 for one that is not known. */
  endOf(pack: string): number;
};

/** A table to look ids up in, in memory that threads share: `TableParts` has the lists of 32-bit words. */
export type SharedBlobs = Readonly<Record<'factors' | 'ids' | 'entries' | 'buckets', SharedArrayBuffer>>;

export type IndexOptions = CallOptions & {
  readonly onDamaged?: (name: string, error: Error) => void;
  /** The path of a file of `rememberIndex`, which may be missing: what it has of files that are there is not read again. */
  readonly memory?: string | undefined;
};

/**
 * A restic repository (format version 1 or 2) that was opened with its master key. Rejects as the backend does, with `corrupt`
 * for what does not verify (its `message` names the file), and `notFound` for what is not there.
 */
export type Repository = AsyncDisposable & {
  /** Of the config: 64 hexadecimal digits. */
  readonly id: string;
  readonly version: 1 | 2;
  readonly backend: VaultBackend;
  readonly key: MasterKey;
  /** Decrypts every snapshot file, oldest first. One that does not verify rejects with `corrupt`, one that is too large with `tooLarge`, unless `onDamaged` takes it. */
  snapshots(
    options: CallOptions & { readonly onDamaged?: (id: string, error: Error) => void },
  ): Promise<Snapshot[]>;
  snapshot(id: string, options: CallOptions): Promise<Snapshot>;
  /** The snapshot that `text` names: an id, the beginning of one (4 digits or more), or `latest` among those that `among` takes. */
  findSnapshot(
    text: string,
    options: CallOptions & { readonly among?: (snapshot: Snapshot) => boolean },
  ): Promise<Snapshot>;
  /** Writes a snapshot; resolves with its id once it is durable. Everything it names must be durable before. */
  addSnapshot(document: SnapshotDocument, options: CallOptions): Promise<string>;
  /**
   * Reads the index files that were added since the last call and drops those that are gone. One that does not verify rejects with
   * `corrupt` or `tooLarge`, unless `onDamaged` takes it: for who only reads. What is written or removed by an index has to know all of it.
   */
  index(options: IndexOptions): Promise<BlobIndex>;
  /** Writes to `path` what was read with a memory, and what was added since; nothing where that hardly differs from what is there. */
  rememberIndex(path: string): Promise<void>;
  /** Writes index files over these packs, which are durable, each below 8 MiB; resolves with their names. */
  addIndex(
    packs: readonly PackContents[],
    options: CallOptions & { readonly supersedes?: readonly string[] },
  ): Promise<string[]>;
  /** Plain bytes, authenticated and hashed against the id. Tries each location that the index has. [G8] */
  readBlob(id: BlobId, type: BlobType, options: CallOptions): Promise<Buffer>;
  readTree(id: BlobId, options: CallOptions): Promise<readonly TreeNode[]>;
};
