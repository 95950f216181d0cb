import { createCipheriv } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { cutChunks } from './cut-chunks.ts';

/** The same at every run. */
function noise(length: number, seed: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16)).update(Buffer.alloc(length));
}

const header = Buffer.alloc(512, 1);
const piecesOf = (...files: readonly Buffer[]) =>
  files.flatMap((bytes) => [
    { bytes: header, apart: true },
    { bytes: bytes.subarray(0, 1000), apart: true },
    { bytes: bytes.subarray(1000), apart: false },
  ]);
const texts = (chunks: Iterable<Buffer>) => [...chunks].map((chunk) => chunk.toString('base64'));

describe('cutting an archive', () => {
  test('loses and changes nothing, however large the pieces are', () => {
    const bytes = noise(5 * 2 ** 20, 1);
    expect(Buffer.concat([...cutChunks(piecesOf(bytes))]).equals(Buffer.concat([header, bytes]))).toBe(true);
    expect([...cutChunks([])]).toEqual([]);
  });

  test('gives chunks of tens of kilobytes', () => {
    const lengths = [...cutChunks(piecesOf(noise(8 * 2 ** 20, 2)))].map((chunk) => chunk.byteLength);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(128 * 1024);
    expect(lengths.length).toBeGreaterThan(120);
    expect(lengths.length).toBeLessThan(400);
  });

  test('keeps a large file apart, so that it is found again behind other files', () => {
    const file = noise(300_000, 3);
    const alone = texts(cutChunks(piecesOf(file)));
    const later = new Set(texts(cutChunks(piecesOf(noise(70_001, 4), file))));
    expect(alone.filter((chunk) => !later.has(chunk))).toEqual([]);
  });

  test('finds most of a file again that grew in the middle', () => {
    const file = noise(4 * 2 ** 20, 5);
    const grown = Buffer.concat([file.subarray(0, 2 ** 21), noise(777, 6), file.subarray(2 ** 21)]);
    const before = new Set(texts(cutChunks(piecesOf(file))));
    const after = texts(cutChunks(piecesOf(grown)));
    expect(after.filter((chunk) => !before.has(chunk)).length).toBeLessThanOrEqual(4);
  });
});
