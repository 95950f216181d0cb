import { expect, test } from '@jest/globals';
import { TokenBucket } from './token-bucket.ts';

test('a bucket lets its count through at once and then one for each share of the time', () => {
  let now = 1000;
  const bucket = new TokenBucket({ count: 2, perMs: 1000 }, () => now);
  expect([bucket.take(), bucket.take(), bucket.take()]).toEqual([0, 0, 500]);
  now += 499;
  expect(bucket.take()).toBe(1);
  now += 1;
  expect([bucket.take(), bucket.take()]).toEqual([0, 500]);
});

test('a bucket holds no more than its count, however long it rests', () => {
  let now = 0;
  const bucket = new TokenBucket({ count: 1, perMs: 60_000 }, () => now);
  now += 86_400_000;
  expect([bucket.take(), bucket.take()]).toEqual([0, 60_000]);
});

test('a bucket that gave more than it had takes the time to earn it', () => {
  let now = 0;
  const bucket = new TokenBucket({ count: 10, perMs: 1000 }, () => now);
  bucket.spend(30);
  expect(bucket.waitMs()).toBe(2100);
  now += 2100;
  expect([bucket.take(), bucket.take()]).toEqual([0, 100]);
});

test('asking how long to wait takes nothing', () => {
  const bucket = new TokenBucket({ count: 1, perMs: 1000 }, () => 0);
  expect([bucket.waitMs(), bucket.waitMs(), bucket.take(), bucket.waitMs()]).toEqual([0, 0, 0, 1000]);
});
