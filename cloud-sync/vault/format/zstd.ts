import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { SyncError } from '../../errors.ts';
import { openNativeZstd } from './native-zstd.ts';
import { zstdParameters } from './zstd-parameters.ts';

/** Memory to work in, for this thread. */
const native = openNativeZstd();

/** `level`: see `zstdParameters`. The bytes hold until the next call only: a copy of each megabyte would be as much again for the collector. */
export function compress(plain: Uint8Array, level: number): Buffer {
  return native?.compress(plain, level) ?? nodeCompress(plain, level);
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

/** Like `decompress`, where it is known how much comes out: quicker for what is small. */
export function decompressExpected(bytes: Uint8Array, expectedBytes: number): Buffer {
  return native?.decompress(bytes, expectedBytes) ?? decompress(bytes, expectedBytes);
}

function nodeCompress(plain: Uint8Array, level: number): Buffer {
  return zstdCompressSync(plain, {
    params: zstdParameters(level),
    pledgedSrcSize: plain.byteLength,
  });
}
