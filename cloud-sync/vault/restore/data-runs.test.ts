import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '../../../test/support/random.ts';
import { dataRuns } from './data-runs.ts';

const page = 4096;

/** Zeros but for ones in these stretches. */
function bytesWith(length: number, ...stretches: readonly (readonly [number, number])[]): Buffer {
  const bytes = Buffer.alloc(length);
  for (const [start, end] of stretches) bytes.fill(1, start, end);
  return bytes;
}

describe('what is written of a blob', () => {
  it('is all of it without longer runs of zeros, and nothing of zeros alone', () => {
    expect(dataRuns(bytesWith(100_000, [0, 100_000]), 0)).toEqual([{ start: 0, end: 100_000 }]);
    expect(dataRuns(bytesWith(20_000), 0)).toEqual([{ start: 0, end: 20_000 }]);
    expect(dataRuns(bytesWith(25 * page), 0)).toEqual([]);
    expect(dataRuns(Buffer.alloc(0), 0)).toEqual([]);
  });

  it('leaves out whole pages of the file', () => {
    const bytes = bytesWith(30 * page, [0, 10], [20 * page, 30 * page]);
    expect(dataRuns(bytes, 0)).toEqual([
      { start: 0, end: page },
      { start: 20 * page, end: 30 * page },
    ]);
    expect(dataRuns(bytes, 100)).toEqual([
      { start: 0, end: page - 100 },
      { start: 20 * page - 100, end: 30 * page },
    ]);
  });

  it('gives the same bytes over zeros, whatever they are and wherever they go', () => {
    const random = seededRandom(5);
    for (let round = 0; round < 200; round++) {
      const bytes = Buffer.alloc(Math.floor(random() * 60 * page));
      for (let count = random() * 4; count > 0; count--) {
        const start = Math.floor(random() * bytes.length);
        bytes.fill(7, start, Math.min(bytes.length, start + Math.floor(random() * 3 * page)));
      }
      const written = Buffer.alloc(bytes.length);
      for (const { start, end } of dataRuns(bytes, Math.floor(random() * 3 * page)))
        bytes.copy(written, start, start, end);
      expect(written.equals(bytes)).toBe(true);
    }
  });
});
