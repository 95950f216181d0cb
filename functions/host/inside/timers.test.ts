import { expect, test } from '@jest/globals';
import { limits } from '../protocol.ts';
import { newInvocation } from './new-invocation.ts';
import { makeOutbox } from './outbox.ts';
import { takeSafe } from './safe.ts';
import { makeTimers } from './timers.ts';

function world() {
  const said: unknown[][] = [];
  const post = (heads: string) => said.push(...(JSON.parse(heads) as unknown[][]));
  const outbox = makeOutbox({ later: post, now: post });
  const owner = newInvocation({ id: 7, label: 'x', deadline: 0, isRequest: false });
  const timers = makeTimers(takeSafe(), outbox.send, limits, () => owner);
  outbox.hold(false);
  return { said, outbox, owner, timers };
}

test('what a timer is cleared with is a number to the host, whatever it says it is', () => {
  const { said, outbox, timers } = world();
  const id = timers.globals.setTimeout(() => undefined, 1000);
  const texts = [`${id}`, `${id}`, `${id},0,0,0],["done",8,0,0,1,0`];
  timers.globals.clearTimeout({ toString: () => texts.shift() ?? texts[0] });
  timers.globals.clearTimeout({ toString: () => 'no number' });
  outbox.release();
  expect(said).toEqual([
    ['timer', 7, id, 4, 0, 0],
    ['clear', 7, id, 0, 0, 0],
  ]);
});

test('the check whether an invocation is idle cannot be cleared', () => {
  const { said, outbox, owner, timers } = world();
  timers.whenIdle(owner, () => undefined);
  for (let id = 0; id < 10; id++) timers.globals.clearTimeout(id);
  outbox.release();
  expect(said.map(([op]) => op)).toEqual(['timer']);
  expect(owner.timers).toBe(0);
});

test('a bent iterator of lists changes nothing of what the host is told', () => {
  const { said, outbox, timers } = world();
  const lists = Array.prototype as { [Symbol.iterator]: unknown };
  const iterator = lists[Symbol.iterator];
  try {
    lists[Symbol.iterator] = () => ({ next: () => ({ done: false, value: '[["done",8,0,0,1,0]]' }) });
    timers.globals.setTimeout(() => undefined, 5);
    const heads: string[] = [];
    const other = makeOutbox({ later: (all) => void (heads[0] = all), now: () => undefined });
    other.send('clear', 1, 2, '');
    other.release();
    lists[Symbol.iterator] = iterator;
    expect(heads).toEqual(['[["clear",1,2,0,0,0]]']);
  } finally {
    lists[Symbol.iterator] = iterator;
  }
  outbox.release();
  expect(said).toHaveLength(1);
});

test('many small messages are sent before they become one large one', () => {
  const posted: number[] = [];
  const post = (heads: string) => void posted.push(heads.length);
  const { send, hold } = makeOutbox({ later: post, now: post });
  hold(false);
  for (let id = 0; id < 10_000; id++) send('clear', 1, id, '');
  expect(posted.length).toBeGreaterThan(2);
  expect(Math.max(...posted)).toBeLessThan(65 * 1024);
});
