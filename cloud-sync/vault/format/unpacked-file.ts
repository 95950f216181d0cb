import { SyncError } from '../../errors.ts';
import type { Sealer } from './sealer.ts';
import { compress, decompress } from './zstd.ts';

/** The first byte of a plain text that says how it goes on: `{` and `[` are themselves part of JSON, as all of format version 1 is. */
const zstdJson = 2;
const objectStart = 0x7b;
const arrayStart = 0x5b;
const level = 3;

export type RepositoryVersion = 1 | 2;

/** An index, snapshot or lock file: sealed JSON, compressed from version 2 on. */
export function encodeUnpacked(sealer: Sealer, value: unknown, version: RepositoryVersion = 2): Buffer {
  const json = Buffer.from(JSON.stringify(value));
  if (version === 1) return sealer.seal(json);
  return sealer.seal(Buffer.concat([Uint8Array.of(zstdJson), compress(json, level)]));
}

/** The JSON value in it, not looked at yet. `maxBytes` bounds the plain JSON. Rejects with `corrupt`. */
export function decodeUnpacked(
  sealer: Sealer,
  bytes: Uint8Array,
  { maxBytes }: { readonly maxBytes: number },
): unknown {
  const json = plainJson(sealer.open(bytes), maxBytes);
  try {
    return JSON.parse(json.toString()) as unknown;
  } catch (error) {
    throw new SyncError('corrupt', `Cannot parse ${json.byteLength} bytes as JSON`, { cause: error });
  }
}

function plainJson(plain: Buffer, maxBytes: number): Buffer {
  if (plain[0] === zstdJson) return decompress(plain.subarray(1), maxBytes);
  if (plain[0] !== objectStart && plain[0] !== arrayStart) {
    throw new SyncError(
      'corrupt',
      `Cannot read a file of encoding version ${plain[0] ?? 'none'}: 2 is known`,
    );
  }
  if (plain.byteLength > maxBytes) {
    throw new SyncError(
      'corrupt',
      `Cannot read a file of ${plain.byteLength} bytes: at most ${maxBytes} are allowed`,
    );
  }
  return plain;
}
