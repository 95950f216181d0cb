import { describe, expect, test } from '@jest/globals';
import type { RelayBatch, RelayEntry } from '../protocol/relay-batch.ts';
import { planRelay, type RelayPlan } from './relay-plan.ts';

const time = Date.UTC(2026, 0, 1);
const message = (seq: number): RelayEntry => ({
  ...{ seq, time, gap: undefined, topic: 'a' },
  ...{ payload: new Uint8Array(), contentType: undefined },
});
const gap = (seq: number, count: number): RelayEntry => ({ seq, time, gap: { count, reason: 'ttl' } });

const batch = (firstSeq: number, entries: RelayEntry[]): RelayBatch => ({
  ...{ epoch: '0123456789abcdef', stream: 'telemetry', firstSeq },
  ...{ lastSeq: entries.at(-1)!.seq, entries },
});
const numbers = (entries: RelayPlan['store']) =>
  entries === 'whole' ? entries : entries.map(({ seq }) => seq);
const plan = (of: RelayBatch, stored: number) => planRelay(of, stored, () => of.entries);

describe('what is stored of a relay batch', () => {
  test('is all of it when it goes on where the stream ends', () => {
    const untouched = () => {
      throw new Error('the entries were asked for');
    };
    const whole = planRelay(batch(4, [message(4), message(5)]), 3, untouched);
    expect(whole).toEqual({ store: 'whole', acknowledge: 5 });
  });

  test('is nothing when it was stored before, and it is acknowledged again', () => {
    expect(plan(batch(4, [message(4), message(5)]), 5)).toEqual({ store: [], acknowledge: 5 });
    expect(plan(batch(4, [message(4), message(5)]), 9)).toEqual({ store: [], acknowledge: 9 });
  });

  test('is only the new part when it overlaps', () => {
    const rest = plan(batch(4, [message(4), message(5), message(6)]), 5);
    expect(numbers(rest.store)).toEqual([6]);
    expect(rest.acknowledge).toBe(6);
  });

  test('is nothing when it would leave a hole, and the last stored number is acknowledged', () => {
    expect(plan(batch(5, [message(5)]), 3)).toEqual({ store: [], acknowledge: 3 });
    expect(plan(batch(2, [message(2)]), 0)).toEqual({ store: [], acknowledge: 0 });
  });

  test('is the rest of a gap when the gap began earlier', () => {
    const rest = plan(batch(4, [gap(9, 6), message(10)]), 6);
    expect(rest.store).toEqual([gap(9, 3), message(10)]);
    expect(rest.acknowledge).toBe(10);
  });
});
