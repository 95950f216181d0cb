import { expect, test } from '@jest/globals';
import type { QueuedEvent } from '../streams/operations.ts';
import { Window } from './window.ts';

const event = (id: number): QueuedEvent => ({
  ...{ id, function: 'f', kind: 'message', topic: 't', payload: new Uint8Array(), time: 0, hops: 0 },
  attempts: 0,
  notBefore: 0,
});

async function windowOn(ids: number[], page = 64): Promise<Window> {
  const window = new Window((after) =>
    Promise.resolve(
      ids
        .filter((id) => id > after)
        .slice(0, page)
        .map(event),
    ),
  );
  expect(window.next(0, { ordered: true })).toEqual({ kind: 'load' });
  await window.refill();
  return window;
}

const run = (window: Window, { now = 0, ordered = true } = {}) => {
  const next = window.next(now, { ordered });
  if (next.kind !== 'run') throw new Error(`${next.kind} instead of run`);
  return next.slot;
};

test('in order, the next event comes only when the one before is gone', async () => {
  const window = await windowOn([1, 2, 3]);
  const first = run(window);
  expect(first.event.id).toBe(1);
  expect(window.next(0, { ordered: true }).kind).not.toBe('run');
  window.remove(first);
  expect(run(window).event.id).toBe(2);
});

test('in order, an event that waits holds the ones behind it', async () => {
  const window = await windowOn([1, 2]);
  const first = run(window);
  window.postpone(first, { notBefore: 500 });
  first.running = false;
  await window.refill();
  expect(window.next(100, { ordered: true })).toEqual({ kind: 'wait', delayMs: 400 });
  expect(run(window, { now: 500 }).event.id).toBe(1);
});

test('without order, others overtake an event that waits', async () => {
  const window = await windowOn([1, 2]);
  const first = run(window, { ordered: false });
  window.postpone(first, { notBefore: 500 });
  first.running = false;
  expect(run(window, { ordered: false }).event.id).toBe(2);
});

test('a new version tries at once what waited', async () => {
  const window = await windowOn([1]);
  const first = run(window);
  window.postpone(first, { notBefore: 50_000 });
  first.running = false;
  window.forgive();
  expect(run(window).event.id).toBe(1);
});

test('a clock that was set back holds an event for a minute at most', async () => {
  const window = await windowOn([1]);
  const first = run(window, { now: 1e12 });
  window.postpone(first, { notBefore: 1e12 + 1000 });
  first.running = false;
  await window.refill();
  expect(window.next(0, { ordered: true })).toEqual({ kind: 'wait', delayMs: 60_000 });
});

test('the whole queue passes through, a page at a time', async () => {
  const ids = Array.from({ length: 200 }, (_, index) => index + 1);
  const window = await windowOn(ids, 7);
  const seen: number[] = [];
  for (;;) {
    const next = window.next(0, { ordered: true });
    if (next.kind === 'load') await window.refill();
    else if (next.kind === 'run') {
      seen.push(next.slot.event.id);
      window.remove(next.slot);
    } else break;
  }
  expect(seen).toEqual(ids);
});
