import { describe, expect, test } from '@jest/globals';
import type { RelayBatch, RelayMessage } from '../protocol/messages.ts';
import { batchFault, planRelay } from './relay-plan.ts';

const time = '2026-01-01T00:00:00.000Z';
const message = (seq: number): RelayMessage => ({ seq, time, topic: 'a', payload: '' });
const gap = (seq: number, count: number): RelayMessage => ({ seq, time, gap: { count, reason: 'ttl' } });

const batch = (firstSeq: number, messages: RelayMessage[], lastSeq = messages.at(-1)!.seq): RelayBatch => ({
  epoch: '0123456789abcdef',
  stream: 'telemetry',
  firstSeq,
  lastSeq,
  messages,
});
const numbers = (messages: readonly RelayMessage[]) => messages.map(({ seq }) => seq);

describe('a relay batch', () => {
  test('that counts on is without fault', () => {
    expect(batchFault(batch(4, [message(4), message(5), message(6)]))).toBeUndefined();
  });

  test('may let a gap stand for the numbers it dropped', () => {
    expect(batchFault(batch(4, [gap(9, 6), message(10)]))).toBeUndefined();
  });

  test.each([
    ['leaves a number out', batch(4, [message(4), message(6)])],
    ['repeats a number', batch(4, [message(4), message(4)])],
    ['goes backwards', batch(4, [message(5), message(4)])],
    ['begins later than it says', batch(4, [message(5)])],
    ['ends earlier than it says', batch(4, [message(4)], 5)],
    ['has a gap that counts too much', batch(4, [gap(9, 7)])],
    ['has a gap that counts too little', batch(4, [gap(9, 5)])],
  ])('that %s is faulty', (_, faulty) => {
    expect(batchFault(faulty)).toEqual(expect.any(String));
  });
});

describe('what is stored of a relay batch', () => {
  test('is all of it when it goes on where the stream ends', () => {
    const plan = planRelay(batch(4, [message(4), message(5)]), 3);
    expect(numbers(plan.store)).toEqual([4, 5]);
    expect(plan.acknowledge).toBe(5);
  });

  test('is nothing when it was stored before, and it is acknowledged again', () => {
    expect(planRelay(batch(4, [message(4), message(5)]), 5)).toEqual({ store: [], acknowledge: 5 });
    expect(planRelay(batch(4, [message(4), message(5)]), 9)).toEqual({ store: [], acknowledge: 9 });
  });

  test('is only the new part when it overlaps', () => {
    const plan = planRelay(batch(4, [message(4), message(5), message(6)]), 5);
    expect(numbers(plan.store)).toEqual([6]);
    expect(plan.acknowledge).toBe(6);
  });

  test('is nothing when it would leave a hole, and the last stored number is acknowledged', () => {
    expect(planRelay(batch(5, [message(5)]), 3)).toEqual({ store: [], acknowledge: 3 });
    expect(planRelay(batch(2, [message(2)]), 0)).toEqual({ store: [], acknowledge: 0 });
  });

  test('is the rest of a gap when the gap began earlier', () => {
    const plan = planRelay(batch(4, [gap(9, 6), message(10)]), 6);
    expect(plan.store).toEqual([gap(9, 3), message(10)]);
    expect(plan.acknowledge).toBe(10);
  });
});
