import { expect, test } from '@jest/globals';
import type { Op } from './entry.ts';
import { OpQueue } from './op-queue.ts';

const fire = (invocation: number): Op => ({ op: 'fire', invocation, timer: 1 });
const large = (invocation: number): Op => ({
  ...{ op: 'invoke', invocation, json: '{}', binary: false },
  payload: new Uint8Array(200 * 1024),
});
const ids = (ops: readonly Op[]) => ops.map(({ invocation }) => invocation);

test('ops come out in order, as many as the strictest of them allows', () => {
  const queue = new OpQueue();
  for (const invocation of [1, 2, 3, 4, 5]) queue.push(fire(invocation));
  const most = ({ invocation }: Op) => (invocation === 2 ? 3 : 10);
  expect(ids(queue.take({ isLive: () => true, most }))).toEqual([1, 2, 3]);
  expect(ids(queue.take({ isLive: () => true, most }))).toEqual([4, 5]);
  expect(queue.isEmpty).toBe(true);
});

test('what belongs to an invocation that has ended is dropped, but that it is to be forgotten', () => {
  const queue = new OpQueue();
  queue.push(fire(1));
  queue.push({ op: 'forget', invocation: 1 });
  queue.push(fire(2));
  const taken = queue.take({ isLive: (invocation) => invocation === 2, most: () => 10 });
  expect(taken.map(({ op, invocation }) => [op, invocation])).toEqual([
    ['forget', 1],
    ['fire', 2],
  ]);
});

test('large payloads do not pile up in one step', () => {
  const queue = new OpQueue();
  for (const invocation of [1, 2, 3]) queue.push(large(invocation));
  expect(ids(queue.take({ isLive: () => true, most: () => 10 }))).toEqual([1, 2]);
});
