import { expect, test } from '@jest/globals';
import { BatchSize } from './batch-size.ts';

test('the first op runs alone, cheap ones then share a step, dear ones do not', () => {
  const cheap = new BatchSize();
  expect(cheap.next(50)).toBe(1);
  cheap.measured(1, 0.02);
  expect(cheap.next(50)).toBe(16);
  const dear = new BatchSize();
  dear.measured(1, 30);
  expect(dear.next(50)).toBe(1);
});

test('a step never takes more than a quarter of the limit, by what is known', () => {
  const size = new BatchSize();
  size.measured(1, 0.1);
  expect(size.next(4)).toBe(10);
  expect(size.next(1000)).toBe(16);
});

test('what ops use is followed when it changes', () => {
  const size = new BatchSize();
  size.measured(1, 0.01);
  for (let step = 0; step < 30; step++) size.measured(1, 2);
  expect(size.next(50)).toBeLessThanOrEqual(2);
});

test('an op counts as quick after many quick ones, and not after a long one or trouble', () => {
  const size = new BatchSize();
  for (let op = 0; op < 63; op++) size.measured(1, 0.1);
  expect(size.isQuick).toBe(false);
  size.measured(1, 0.1);
  expect(size.isQuick).toBe(true);
  size.measured(1, 6);
  expect(size.isQuick).toBe(false);
  for (let op = 0; op < 64; op++) size.measured(1, 0.1);
  expect(size.isQuick).toBe(true);
  size.suspect();
  for (let op = 0; op < 512; op++) size.measured(1, 0.1);
  expect(size.isQuick).toBe(false);
});

test('after trouble ops run alone for a while', () => {
  const size = new BatchSize();
  size.measured(1, 0.01);
  size.suspect();
  for (let op = 0; op < 512; op++) {
    expect(size.next(50)).toBe(1);
    size.measured(1, 0.01);
  }
  expect(size.next(50)).toBe(16);
});
