import { expect, test } from '@jest/globals';
import { SendWindow } from './send-window.ts';

const dense = { wireBytes: 0, backlog: 100_000, meanBytes: 200 };
const depth = (window: SendWindow): number => {
  let batches = 0;
  while (window.admits({ ...dense, batches })) batches++;
  return batches;
};

test('the window opens as acks come soon, up to its bounds', () => {
  const window = new SendWindow();
  expect([depth(window), window.batchBytes]).toEqual([2, 64 * 1024]);
  for (let turn = 0; turn < 20; turn++) window.acked(10);
  expect([depth(window), window.batchBytes]).toEqual([12, 128 * 1024]);
});

test('it closes as acks come late or not at all, and never entirely', () => {
  const window = new SendWindow();
  for (let turn = 0; turn < 20; turn++) window.acked(10);
  window.acked(5000);
  expect([depth(window), window.batchBytes]).toEqual([11, 64 * 1024]);
  for (let turn = 0; turn < 10; turn++) window.lost();
  expect([depth(window), window.batchBytes]).toEqual([1, 8 * 1024]);
});

test('what is on its way is bounded by bytes too', () => {
  const window = new SendWindow();
  expect(window.admits({ ...dense, batches: 1, wireBytes: 2 * 2 ** 20 })).toBe(false);
});

test.each([
  ['few small messages', { backlog: 10, meanBytes: 100 }, false],
  ['many small messages', { backlog: 300, meanBytes: 1 }, true],
  ['few large messages', { backlog: 2, meanBytes: 40_000 }, true],
])('behind a batch on its way: %s', (_what, waiting, goes) => {
  expect(new SendWindow().admits({ batches: 1, wireBytes: 0, ...waiting })).toBe(goes);
});
