import type { Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { errorCode } from '../../../lib/error-code.ts';
import { SyncError } from '../../errors.ts';
import { badArchive } from './bad-archive.ts';
import { layerCompression } from './layer-types.ts';

/** What comes out at a time. */
const chunkSize = 256 * 2 ** 10;
/** What may wait, so that unpacking goes on while files are written. */
const options = { chunkSize, highWaterMark: 8 * chunkSize };

/** Makes the plain tar of a layer; undefined where it is plain. All members of a gzip file and all frames of a zstd file count. */
export function createTarDecoder(mediaType: string): Transform | undefined {
  const compression = layerCompression(mediaType);
  switch (compression) {
    case 'none':
      return undefined;
    case 'gzip':
      return createGunzip(options);
    case 'zstd':
      return createZstdDecompress(options);
    case undefined:
      throw new SyncError('badImage', `A layer of the type ${mediaType} cannot be unpacked`, {
        hint: 'Build the image with layers that are tar, tar+gzip or tar+zstd.',
      });
    default:
      return compression satisfies never;
  }
}

/** What a decoder says of bytes that are not of its format, as `badArchive`; other failures as they are. */
export function asDecodeError(error: unknown): unknown {
  const code = errorCode(error) ?? '';
  return /^(Z_|ZSTD_)/.test(code) ? badArchive('it cannot be decompressed', error) : error;
}
