import type { Readable } from 'node:stream';
import type { Digest } from '../../../lib/digest.ts';
import type { BlobWriter, ByteRange } from '../../oci/index.ts';

export type StoredManifest = {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
};

/**
 * What a registry keeps. Names and digests were validated before. Whatever resolves is on disk. [G1]
 * Blobs are shared by all repositories of a store: whoever may pull from one may pull a blob whose digest it knows, so
 * tenants that must not share get a store each.
 */
export type RegistryStore = {
  blobSize(digest: Digest): Promise<number | undefined>;
  /** The bytes, or a part of them (`end` inclusive). For a blob that `blobSize` knows. */
  readBlob(digest: Digest, range?: ByteRange): Readable;
  /** The caller disposes it; without `commit` nothing remains. */
  createBlobWriter(options: { readonly maxBytes: number }): Promise<BlobWriter>;

  /** By tag or digest. Rejects with `corrupt` when the stored bytes are damaged. */
  manifest(repository: string, reference: string): Promise<StoredManifest | undefined>;
  /** Stores a manifest under its digest and, where given, moves `tag` to it: in that order. */
  putManifest(repository: string, manifest: StoredManifest, tag?: string): Promise<void>;
  /** Sorted by code unit; undefined when there is no such repository. */
  tags(repository: string): Promise<readonly string[] | undefined>;
};
