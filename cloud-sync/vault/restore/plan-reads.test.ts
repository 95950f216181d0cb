import { describe, expect, it } from '@jest/globals';
import { blobIdOf } from '../format/blob-id.ts';
import { planReads } from './plan-reads.ts';
import type { Chunk } from './staged-tree.ts';

const kib = 1024;

function chunk(pack: string, offset: number, length: number): Chunk {
  const id = blobIdOf(Buffer.from(`${pack} ${offset}`));
  return { id, pack, offset, length, uncompressedLength: undefined, plainBytes: length - 32 };
}

const shape = (chunks: readonly Chunk[]) =>
  planReads(chunks).map(({ pack, offset, length, chunks: inside }) => [pack, offset, length, inside.length]);

describe('what is read of packs', () => {
  it('is each needed stretch once, by its place, with small gaps read along', () => {
    const reads = shape([
      chunk('b', 500, 100),
      chunk('a', 300 * kib, 10),
      chunk('b', 0, 100),
      chunk('a', 0, 10),
    ]);
    expect(reads).toEqual([
      ['b', 0, 600, 2],
      ['a', 0, 10, 1],
      ['a', 300 * kib, 10, 1],
    ]);
  });

  it('is cut into pieces of 2 MiB, but for a blob that is larger', () => {
    const small = Array.from({ length: 50 }, (_, place) => chunk('a', place * 100 * kib, 100 * kib));
    const reads = planReads([...small, chunk('a', 5000 * kib, 9000 * kib)]);
    expect(reads.flatMap(({ chunks }) => chunks)).toHaveLength(51);
    expect(reads.slice(0, -1).every(({ length }) => length <= 2048 * kib)).toBe(true);
    expect(reads.at(-1)).toMatchObject({ offset: 5000 * kib, length: 9000 * kib });
  });

  it('holds every blob where two overlap', () => {
    const [read] = planReads([chunk('a', 0, 1000), chunk('a', 10, 20)]);
    expect(read).toMatchObject({ offset: 0, length: 1000 });
    expect(read?.chunks).toHaveLength(2);
  });
});
