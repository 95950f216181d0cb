import { expect, test } from '@jest/globals';
import { PriorityGate } from './priority-gate.ts';

const { signal } = new AbortController();

test('whoever goes first by priority gets the room that becomes free', async () => {
  const gate = new PriorityGate({ count: 1, bytes: 100 });
  const order: string[] = [];
  await gate.enter(5, 10, signal);
  const late = gate.enter(9, 10, signal).then(() => order.push('late'));
  const early = gate.enter(0, 10, signal).then(() => order.push('early'));
  gate.leave(10);
  await early;
  gate.leave(10);
  await late;
  expect(order).toEqual(['early', 'late']);
});

test('bytes are bounded, but one message always goes', () => {
  const gate = new PriorityGate({ count: 10, bytes: 100 });
  expect(gate.tryEnter(500)).toBe(true);
  expect(gate.tryEnter(1)).toBe(false);
  gate.leave(500);
  expect([gate.tryEnter(60), gate.tryEnter(60)]).toEqual([true, false]);
});

test('whoever gives up makes room for the others', async () => {
  const gate = new PriorityGate({ count: 1, bytes: 100 });
  const given = new AbortController();
  await gate.enter(0, 1, signal);
  const abandoned = expect(gate.enter(0, 1, given.signal)).rejects.toThrow('enough');
  const waiting = gate.enter(1, 1, signal);
  given.abort(new Error('enough'));
  gate.leave(1);
  await Promise.all([abandoned, waiting]);
});
