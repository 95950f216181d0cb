import { SyncError } from '../../errors.ts';
import type { PackContents, PackedBlob } from '../repository.ts';
import { maxBlobBytes } from './blob-codec.ts';
import { isBlobId } from './blob-id.ts';
import { sealOverheadBytes, type Sealer } from './sealer.ts';
import { namedFile, type NamedFile } from './stored-name.ts';
import { decodeUnpacked, encodeUnpacked, type RepositoryVersion } from './unpacked-file.ts';

export type IndexDocument = {
  readonly packs: readonly PackContents[];
  /** Names of index files that this one replaces. */
  readonly supersedes?: readonly string[];
};

/** Sealed bytes of an index file, at most; restic keeps them below 8 MiB, but a pack's blobs are never split. */
export const maxIndexBytes = 64 * 1024 * 1024;
const maxJsonBytes = 256 * 1024 * 1024;
const maxUint32 = 2 ** 32 - 1;

export function encodeIndex(
  sealer: Sealer,
  { packs, supersedes = [] }: IndexDocument,
  version: RepositoryVersion = 2,
): NamedFile {
  const json = {
    ...(supersedes.length > 0 && { supersedes }),
    packs: packs.map(({ pack, blobs }) => ({ id: pack, blobs: blobs.map(encodePackedBlob) })),
  };
  return namedFile(encodeUnpacked(sealer, json, version));
}

function encodePackedBlob({ id, type, offset, length, uncompressedLength }: PackedBlob) {
  const compressed = uncompressedLength !== undefined;
  return { id, type, offset, length, ...(compressed && { uncompressed_length: uncompressedLength }) };
}

/** Rejects with `corrupt`. By hand rather than by a schema: an index lists a hundred thousand blobs. */
export function decodeIndex(sealer: Sealer, bytes: Uint8Array): Required<IndexDocument> {
  const json = decodeUnpacked(sealer, bytes, { maxBytes: maxJsonBytes });
  const { packs, supersedes } = Object(json) as { readonly packs?: unknown; readonly supersedes?: unknown };
  return {
    packs: listOf(packs, 'packs').map(decodePack),
    supersedes: listOf(supersedes, 'supersedes').map((name) => idOf(name)),
  };
}

function decodePack(json: unknown): PackContents {
  const { id, blobs } = Object(json) as { readonly id?: unknown; readonly blobs?: unknown };
  return { pack: idOf(id), blobs: listOf(blobs, 'blobs').map(decodePackedBlob) };
}

function decodePackedBlob(json: unknown): PackedBlob {
  const { id, type, offset, length, uncompressed_length } = Object(json) as Record<string, unknown>;
  if (type !== 'data' && type !== 'tree') {
    throw new SyncError('corrupt', `An index names an unknown type of blob: ${JSON.stringify(type)}`);
  }
  const blob: PackedBlob = {
    id: idOf(id),
    type,
    offset: numberOf(offset, 0),
    length: numberOf(length, sealOverheadBytes),
  };
  if (blob.offset + blob.length > maxUint32) {
    throw new SyncError(
      'corrupt',
      `An index names a blob that ends ${blob.offset + blob.length} bytes into its pack`,
    );
  }
  const compressed = uncompressed_length !== undefined && uncompressed_length !== 0;
  return compressed ? { ...blob, uncompressedLength: numberOf(uncompressed_length, 1, maxBlobBytes) } : blob;
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value as readonly unknown[];
  throw new SyncError('corrupt', `The ${what} of an index are no list`);
}

function idOf(value: unknown) {
  if (typeof value === 'string' && isBlobId(value)) return value;
  throw new SyncError('corrupt', `An index names ${JSON.stringify(value)}, which is no SHA-256`);
}

function numberOf(value: unknown, min: number, max = maxUint32): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
  throw new SyncError('corrupt', `An index has the length or offset ${JSON.stringify(value)}`);
}
