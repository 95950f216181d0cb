import { describe, expect, test } from '@jest/globals';
import { createCipheriv } from 'node:crypto';
import { masterKeyFrom } from '../format/master-key.ts';
import { blobLengths, findCut } from './find-cut.ts';
import { gearOf, type Gear } from './gear.ts';

/** The same at every run: boundaries of random bytes would fail a test once in a blue moon. */
function noise(length: number, seed: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16)).update(Buffer.alloc(length));
}

function cutsOf(gear: Gear, bytes: Uint8Array): number[] {
  const cuts: number[] = [];
  for (let at = 0; at < bytes.length; cuts.push(at))
    at = findCut({ gear, ...blobLengths }, bytes, at, bytes.length);
  return cuts;
}

const { minBytes: minChunkBytes, maxBytes: maxChunkBytes } = blobLengths;
const gear = gearOf(masterKeyFrom(Buffer.alloc(64, 1)));
const bytes = noise(48 * 1024 * 1024, 7);
const cuts = cutsOf(gear, bytes);

describe('cutting a file', () => {
  test('gives chunks of about a mebibyte, none but the last below the minimum, none above the maximum', () => {
    const lengths = cuts.map((cut, index) => cut - (cuts[index - 1] ?? 0));
    expect(Math.min(...lengths.slice(0, -1))).toBeGreaterThanOrEqual(minChunkBytes);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(maxChunkBytes);
    expect(cuts.length).toBeGreaterThan(30);
    expect(cuts.length).toBeLessThan(70);
    expect(cuts.at(-1)).toBe(bytes.length);
  });

  test('finds the same places again behind bytes that were put in front', () => {
    const moved = Buffer.concat([noise(1_234_567, 8), bytes]);
    const again = new Set(cutsOf(gear, moved).map((cut) => cut - 1_234_567));
    const found = cuts.filter((cut) => again.has(cut));
    expect(found.length).toBeGreaterThan(cuts.length * 0.8);
  });

  test('is the same for one key and another for another key', () => {
    expect(cutsOf(gearOf(masterKeyFrom(Buffer.alloc(64, 1))), bytes)).toEqual(cuts);
    const other = new Set(cutsOf(gearOf(masterKeyFrom(Buffer.alloc(64, 2))), bytes));
    expect(cuts.filter((cut) => other.has(cut))).toEqual([bytes.length]);
  });

  test('leaves a file up to the minimum whole, and cuts bytes that are all alike at the same length each', () => {
    expect(findCut({ gear, ...blobLengths }, bytes, 0, minChunkBytes)).toBe(minChunkBytes);
    const lengths = cutsOf(gear, Buffer.alloc(3 * maxChunkBytes)).map(
      (cut, index, all) => cut - (all[index - 1] ?? 0),
    );
    expect(new Set(lengths).size).toBe(1);
  });
});
