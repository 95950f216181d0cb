import { describe, expect, test } from '@jest/globals';
import { createCipheriv } from 'node:crypto';
import { masterKeyFrom } from '../format/master-key.ts';
import { blobLengths, Chunker } from './find-cut.ts';
import { findCutModule } from './find-cut-module.ts';
import { gearOf, type Gear } from './gear.ts';
import { findCutModule as compiledNow } from '../../../scripts/find-cut-module.ts';

/** The same at every run: boundaries of random bytes would fail a test once in a blue moon. */
function noise(length: number, seed: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16)).update(Buffer.alloc(length));
}

function chunkerOf(gear: Gear, bytes: Uint8Array): Chunker {
  const chunker = new Chunker(gear, { windowBytes: bytes.length, lengths: blobLengths });
  chunker.window.set(bytes);
  return chunker;
}

function cutsOf(gear: Gear, bytes: Uint8Array): number[] {
  const chunker = chunkerOf(gear, bytes);
  const cuts: number[] = [];
  for (let at = 0; at < bytes.length; cuts.push(at)) at = chunker.findCut(at, bytes.length);
  return cuts;
}

/** FastCDC byte by byte, as it is written down. */
function plainCuts(gear: Gear, bytes: Uint8Array): number[] {
  const { minBytes, averageBytes, maxBytes } = blobLengths;
  const cuts: number[] = [];
  for (let start = 0, hash = 0, at = minBytes; start < bytes.length; at += 1) {
    const zeros = at < start + averageBytes ? 22 : 18;
    if (at < bytes.length) hash = ((hash << 1) + (gear[bytes[at] ?? 0] ?? 0)) | 0;
    const isCut = hash >>> (32 - zeros) === 0 || at + 1 === start + maxBytes;
    if (at + 1 < bytes.length && !isCut) continue;
    start = Math.min(at + 1, bytes.length);
    cuts.push(start);
    [hash, at] = [0, start + minBytes - 1];
  }
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
    expect(chunkerOf(gear, bytes.subarray(0, minChunkBytes)).findCut(0, minChunkBytes)).toBe(minChunkBytes);
    const lengths = cutsOf(gear, Buffer.alloc(3 * maxChunkBytes)).map(
      (cut, index, all) => cut - (all[index - 1] ?? 0),
    );
    expect(new Set(lengths).size).toBe(1);
  });

  test('is what FastCDC says, for noise and for text, wherever the last bytes lie', () => {
    const text = Buffer.from(Array.from({ length: 1_500_000 }, (_, at) => (at * at) % 99_991).join(' '));
    for (const whole of [bytes, text, bytes.subarray(0, 5_000_001), bytes.subarray(3, 9_000_002)])
      expect(cutsOf(gear, whole)).toEqual(plainCuts(gear, whole));
  });

  test('is done by what AssemblyScript makes of the checked-in source', async () => {
    expect(await compiledNow()).toContain(`'${findCutModule}'`);
  });
});
