import { describe, expect, test } from '@jest/globals';
import { RateGuard } from './rate-guard.ts';

/** Chunks with the time at which each arrives, and the time its consumer takes. */
async function watch(arrivals: readonly [waitMs: number, bytes: number][], consumeMs = 0): Promise<number> {
  let nowMs = 0;
  const guard = new RateGuard({ minBytesPerSecond: 100, windowMs: 1000, now: () => nowMs });
  // eslint-disable-next-line @typescript-eslint/require-await -- the source is asynchronous in form only
  async function* source() {
    for (const [waitMs, bytes] of arrivals) {
      nowMs += waitMs;
      yield new Uint8Array(bytes);
    }
  }
  let received = 0;
  for await (const chunk of guard.watch(source())) {
    received += chunk.byteLength;
    nowMs += consumeMs;
  }
  return received;
}

describe('rate guard', () => {
  test('lets a download pass that is fast enough over each window', async () => {
    expect(await watch(Array.from({ length: 20 }, () => [500, 60]))).toBe(1200);
  });

  test('ends one that trickles', async () => {
    await expect(watch(Array.from({ length: 20 }, () => [500, 1]))).rejects.toThrow(
      expect.objectContaining({ code: 'rateTooLow', transient: true }),
    );
  });

  test('counts each window anew: a fast beginning buys no slow end', async () => {
    await expect(
      watch([
        [10, 100_000],
        [1000, 100],
        [600, 1],
        [600, 1],
      ]),
    ).rejects.toThrow(expect.objectContaining({ code: 'rateTooLow' }));
  });

  test('does not blame the network for a slow disk', async () => {
    expect(await watch([...Array.from({ length: 5 }, () => [10, 10] as [number, number])], 5000)).toBe(50);
  });
});
