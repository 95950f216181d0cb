import { SyncError } from '../../errors.ts';
import { releaseBytes } from '../release-bytes.ts';
import { blobIdOf, type BlobId } from './blob-id.ts';
import type { Sealer } from './sealer.ts';
import { compress, decompressExpected } from './zstd.ts';

/** Above what restic writes (8 MiB of data, trees of any size) and below what a string of V8 holds. */
export const maxBlobBytes = 256 * 1024 * 1024;

export type EncodedBlob = {
  readonly sealed: Buffer;
  /** Plain bytes, when it is compressed. */
  readonly uncompressedLength?: number;
};

/** What is sealed of a blob, until the next call on this thread; with its plain length, when it is compressed. */
export type StoredForm = { readonly bytes: Uint8Array; readonly uncompressedLength?: number };

/** `level`: of zstd, 1 to 19; 0 stores it as it is, the only way that format version 1 knows. What does not shrink is stored so too. */
export function storedForm(plain: Uint8Array, level: number): StoredForm {
  if (level === 0) return { bytes: plain };
  const compressed = compress(plain, level);
  if (compressed.byteLength >= plain.byteLength) return { bytes: plain };
  return { bytes: compressed, uncompressedLength: plain.byteLength };
}

/** See `storedForm`. */
export function encodeBlob(sealer: Sealer, plain: Uint8Array, level: number): EncodedBlob {
  const { bytes, ...lengths } = storedForm(plain, level);
  return { sealed: sealer.seal(bytes), ...lengths };
}

/** The plain bytes: authenticated, decompressed to exactly the length given, hashed against the id. Rejects with `corrupt`. [G8] */
export function decodeBlob(
  sealer: Sealer,
  sealed: Uint8Array,
  { id, uncompressedLength }: { readonly id: BlobId; readonly uncompressedLength?: number | undefined },
): Buffer {
  const plain = plainOf(sealer.open(sealed), uncompressedLength);
  if (blobIdOf(plain) !== id) {
    throw new SyncError('corrupt', `The ${plain.byteLength} bytes stored as blob ${id} are another blob`);
  }
  return plain;
}

function plainOf(stored: Buffer, length: number | undefined): Buffer {
  if (length === undefined) return stored;
  if (length > maxBlobBytes) {
    throw new SyncError(
      'corrupt',
      `A blob of ${length} bytes is too large: at most ${maxBlobBytes} are read`,
    );
  }
  const plain = decompressExpected(stored, length);
  releaseBytes(stored);
  if (plain.byteLength === length) return plain;
  throw new SyncError('corrupt', `A blob decompresses to ${plain.byteLength} bytes instead of ${length}`);
}
