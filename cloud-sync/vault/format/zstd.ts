import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { SyncError } from '../../errors.ts';

/** `level`: 1 (fast) to 19 (small). */
export function compress(plain: Uint8Array, level: number): Buffer {
  return zstdCompressSync(plain, {
    params: { [constants.ZSTD_c_compressionLevel]: level },
    pledgedSrcSize: plain.byteLength,
  });
}

/** Plain bytes, at most `maxBytes`. Rejects what is larger or no zstd with `corrupt`. */
export function decompress(bytes: Uint8Array, maxBytes: number): Buffer {
  try {
    return zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, maxBytes) });
  } catch (error) {
    throw new SyncError('corrupt', `Cannot decompress ${bytes.byteLength} bytes to at most ${maxBytes}`, {
      cause: error,
    });
  }
}
