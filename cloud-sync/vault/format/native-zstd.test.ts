import { randomBytes } from 'node:crypto';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { openNativeZstd } from './native-zstd.ts';
import { zstdParameters } from './zstd-parameters.ts';

const native = openNativeZstd();
const text = (length: number) =>
  Buffer.from(Array.from({ length: length / 4 + 1 }, (_, at) => (at * at) % 9973).join(' ')).subarray(
    0,
    length,
  );

test('what runs these tests has a zstd inside', () => {
  expect(native).toBeDefined();
});

describe('zstd by foreign calls does what node:zlib does', () => {
  const kinds = { zeros: (length: number) => Buffer.alloc(length), noise: randomBytes, text };
  for (const [kind, bytesOf] of Object.entries(kinds)) {
    test(`for ${kind} of any length`, () => {
      for (const length of [1, 2, 300, 70_000, 3_000_000, 1000]) {
        const plain = bytesOf(length);
        for (const level of [1, 2, 1, 3]) {
          const compressed = native?.compress(plain, level) ?? Buffer.alloc(0);
          const params = zstdParameters(level);
          const expected = zstdCompressSync(plain, { params, pledgedSrcSize: plain.length });
          expect(compressed.byteLength).toBe(expected.byteLength);
          expect(zstdDecompressSync(compressed).equals(plain)).toBe(true);
          expect(native?.decompress(expected, plain.length)?.equals(plain)).toBe(true);
        }
      }
    });
  }

  test('and leaves to it what it has no memory for', () => {
    expect(native?.compress(Buffer.from('a'), 4)).toBeUndefined();
    expect(native?.compress(Buffer.alloc(0), 3)).toBeUndefined();
    expect(native?.compress(Buffer.alloc(2 ** 24 + 1), 3)).toBeUndefined();
    expect(native?.decompress(Buffer.from('a'), 2 ** 24 + 1)).toBeUndefined();
  });
});

test('what is damaged, cut or larger than allowed gives nothing and harms nothing', () => {
  const plain = text(5000);
  const compressed = zstdCompressSync(plain);
  for (const bytes of [compressed.subarray(0, -1), randomBytes(100), Buffer.alloc(0)]) {
    expect(native?.decompress(bytes, 5000)).toBeUndefined();
  }
  for (const allowed of [0, 1, 4999]) expect(native?.decompress(compressed, allowed)).toBeUndefined();
  for (let at = 0; at < compressed.byteLength; at += 1) {
    const flipped = Buffer.from(compressed);
    flipped[at] = (flipped[at] ?? 0) ^ 0x10;
    expect(native?.decompress(flipped, 5000)?.byteLength ?? 0).toBeLessThanOrEqual(5000);
  }
  expect(native?.decompress(compressed, 5000)?.equals(plain)).toBe(true);
});
