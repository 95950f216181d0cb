import { describe, expect, test } from '@jest/globals';
import type { EventKind, QueuedEvent } from '../streams/operations.ts';
import { Window, type Batching, type Slot } from './window.ts';

type Row = { id: number; kind?: EventKind; notBefore?: number; topic?: string; bytes?: number };

type Options = { page?: number; ordered?: boolean; queues?: Record<string, Batching> };

const eventOf = ({ id, kind = 'message', notBefore = 0, topic = 't', bytes = 0 }: Row): QueuedEvent => ({
  ...{ id, function: 'f', kind, topic, payload: new Uint8Array(bytes), time: 0, hops: 0 },
  attempts: 0,
  notBefore,
});

/** A window on rows as they would be on disk; `rows` may change. */
function windowOn(rows: Row[], { page = 64, ordered = true, queues = {} }: Options = {}) {
  const window = new Window(({ after, now, ordered: inOrder, forgiven }) => {
    const waits = ({ kind, notBefore = 0 }: Row): boolean =>
      notBefore > now && (kind === 'queue' || !(inOrder || forgiven));
    const found = rows.filter((row) => row.id > after && !waits(row));
    const due = rows.filter((row) => row.id <= after && (row.notBefore ?? 0) > 0 && !waits(row));
    const events = found.slice(0, page);
    const more = events.length === page;
    const upTo = more ? (events.at(-1)?.id ?? after) : Math.max(after, ...rows.map(({ id }) => id));
    const times = rows.filter(waits).map(({ notBefore = 0 }) => notBefore);
    const nextDue = times.length > 0 ? Math.min(...times) : undefined;
    return Promise.resolve({ events: [...due, ...events].map(eventOf), upTo, more, nextDue });
  });
  window.configure({ ordered, queues: new Map(Object.entries(queues)) });
  const next = async (now = 0) => {
    for (;;) {
      const found = window.next(now);
      if (found.kind !== 'load') return found;
      await window.refill(now);
    }
  };
  const run = async (now = 0): Promise<Slot[]> => {
    const found = await next(now);
    if (found.kind !== 'run') throw new Error(`${found.kind} instead of run`);
    return [...found.slots];
  };
  const one = async (now = 0): Promise<Slot> => {
    const [slot] = await run(now);
    if (!slot) throw new Error('no slot');
    return slot;
  };
  const finish = (slot: Slot): void => {
    window.remove(slot);
    rows.splice(
      rows.findIndex(({ id }) => id === slot.event.id),
      1,
    );
  };
  return { window, next, run, one, finish };
}

const ids = (slots: readonly Slot[]): number[] => slots.map(({ event }) => event.id);
const inMemory = { onDisk: false };
const onDisk = { onDisk: true };

describe('in order', () => {
  test('an event that waits holds the ones behind it', async () => {
    const { window, one, next } = windowOn([{ id: 1 }, { id: 2 }]);
    window.postpone(await one(), { notBefore: 500 }, onDisk);
    expect(await next(100)).toEqual({ kind: 'wait', delayMs: 400 });
    expect((await one(500)).event.id).toBe(1);
  });

  test('an event that waited before a restart holds the ones behind it too', async () => {
    const { next, one } = windowOn([{ id: 1, notBefore: 300 }, { id: 2 }]);
    expect(await next(100)).toEqual({ kind: 'wait', delayMs: 200 });
    expect((await one(300)).event.id).toBe(1);
  });

  test('a message of a queue that is delayed holds nobody', async () => {
    const { one } = windowOn([{ id: 1, kind: 'queue', notBefore: 300 }, { id: 2 }]);
    expect((await one()).event.id).toBe(2);
    expect((await one(300)).event.id).toBe(1);
  });

  test('the whole queue passes through, a page at a time', async () => {
    const rows = Array.from({ length: 200 }, (_, index) => ({ id: index + 1 }));
    const { next, window } = windowOn(rows, { page: 7 });
    const seen: number[] = [];
    for (let found = await next(); found.kind === 'run'; found = await next())
      for (const slot of found.slots) {
        seen.push(slot.event.id);
        window.remove(slot);
      }
    expect(seen).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
  });

  test('a new version tries at once what waited', async () => {
    const { window, one } = windowOn([{ id: 1 }]);
    window.postpone(await one(), { notBefore: 50_000 }, onDisk);
    window.forgive();
    expect((await one()).event.id).toBe(1);
  });

  test('a clock that was set back holds an event for a minute at most', async () => {
    const { window, one, next } = windowOn([{ id: 1 }]);
    window.postpone(await one(1e12), { notBefore: 1e12 + 1000 }, onDisk);
    expect(await next(5000)).toEqual({ kind: 'wait', delayMs: 60_000 });
    expect((await one(65_000)).event.id).toBe(1);
  });
});

describe('without order', () => {
  test('others overtake an event that waits', async () => {
    const { window, one } = windowOn([{ id: 1 }, { id: 2 }], { ordered: false });
    window.postpone(await one(), { notBefore: 500 }, inMemory);
    expect((await one()).event.id).toBe(2);
  });

  test('a crowd of failing events holds nobody: they wait on disk and come back when it is time', async () => {
    const rows: Row[] = Array.from({ length: 100 }, (_, index) => ({ id: index + 1 }));
    const { window, one, next } = windowOn(rows, { ordered: false, page: 10 });
    for (let count = 0; count < 99; count++) {
      const slot = await one();
      const row = rows[slot.event.id - 1];
      if (row) row.notBefore = 500;
      window.postpone(slot, { notBefore: 500 }, onDisk);
    }
    const last = await one();
    expect(last.event.id).toBe(100);
    window.remove(last);
    rows.pop();
    expect(await next(400)).toEqual({ kind: 'wait', delayMs: 100 });
    expect((await one(500)).event.id).toBe(1);
  });

  test('a new version tries at once what waits on disk', async () => {
    const rows: Row[] = [{ id: 1 }];
    const { window, one } = windowOn(rows, { ordered: false });
    window.postpone(await one(), { notBefore: 50_000 }, onDisk);
    if (rows[0]) rows[0].notBefore = 50_000;
    window.forgive();
    expect((await one()).event.id).toBe(1);
  });

  test('what waits on disk comes first, in order, when order begins', async () => {
    const rows: Row[] = [{ id: 1 }, { id: 2 }, { id: 3 }];
    const { window, one, next, finish } = windowOn(rows, { ordered: false });
    window.postpone(await one(), { notBefore: 500 }, onDisk);
    if (rows[0]) rows[0].notBefore = 500;
    const second = await one();
    window.configure({ ordered: true, queues: new Map() });
    expect(await next(100)).toEqual({ kind: 'wait', delayMs: 400 });
    finish(second);
    expect((await one(500)).event.id).toBe(1);
    expect((await one(500)).event.id).toBe(3);
  });

  test('what was delayed for a month when the clock was wrong is looked at again', async () => {
    const month = 30 * 86_400_000;
    const { window, next } = windowOn([{ id: 1, kind: 'queue', notBefore: month }], { ordered: false });
    // The store knows that nothing may wait that long; this one says when it thinks it is due.
    expect(window.next(0)).toEqual({ kind: 'load' });
    await window.refill(0);
    expect(window.next(0)).toEqual({ kind: 'load' });
    await window.refill(month);
    expect(await next(month)).toMatchObject({ kind: 'run' });
  });
});

describe('new events', () => {
  test('are taken over as they come, once what is on disk is in memory', async () => {
    const rows: Row[] = [];
    const { window, next, one } = windowOn(rows);
    expect((await next()).kind).toBe('idle');
    window.offer(
      [1, 2].map((id) => eventOf({ id })),
      0,
    );
    const first = await one();
    window.remove(first);
    expect([first.event.id, (await one()).event.id]).toEqual([1, 2]);
  });

  test('are read from disk when others are still to be read, each once and in order', async () => {
    const rows: Row[] = [{ id: 1 }, { id: 2 }];
    const { window, one, finish } = windowOn(rows, { page: 1 });
    const first = await one();
    rows.push({ id: 3 });
    window.offer([eventOf({ id: 3 })], 0);
    finish(first);
    const seen: number[] = [];
    while (rows.length > 0) {
      const slot = await one();
      seen.push(slot.event.id);
      finish(slot);
    }
    expect(seen).toEqual([2, 3]);
  });

  test('stay on disk beyond what may be in memory, and are read later', async () => {
    const rows: Row[] = [];
    const { window, one, finish, next } = windowOn(rows, { page: 3 });
    await next();
    for (let id = 1; id <= 10; id++) {
      rows.push({ id, bytes: 300_000 });
      window.offer([eventOf({ id, bytes: 300_000 })], 0);
    }
    const seen: number[] = [];
    while (rows.length > 0) {
      const slot = await one();
      seen.push(slot.event.id);
      finish(slot);
    }
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test('that are delayed wait on disk', async () => {
    const rows: Row[] = [];
    const { window, next, run } = windowOn(rows, { queues: { q: { batch: 5, waitMs: 0 } } });
    await next();
    const delayed: Row = { id: 1, kind: 'queue', topic: 'q', notBefore: 700 };
    rows.push(delayed);
    window.offer([eventOf(delayed)], 0);
    expect(await next(100)).toEqual({ kind: 'wait', delayMs: 600 });
    expect(ids(await run(700))).toEqual([1]);
  });
});

describe('messages of queues', () => {
  const message = (id: number, topic = 'q'): Row => ({ id, kind: 'queue', topic });

  test('come in batches of one queue, others in between stay behind', async () => {
    const rows = [message(1), message(2, 'other'), message(3), { id: 4 }, message(5), message(6)];
    const queues = { q: { batch: 3, waitMs: 0 }, other: { batch: 3, waitMs: 0 } };
    const { run } = windowOn(rows, { ordered: false, queues });
    expect(ids(await run())).toEqual([1, 3, 5]);
    expect(ids(await run())).toEqual([2]);
    expect(ids(await run())).toEqual([4]);
    expect(ids(await run())).toEqual([6]);
  });

  test('wait for a full batch, and no longer than they may', async () => {
    const rows = [message(1), message(2)];
    const { run, next, window } = windowOn(rows, { queues: { q: { batch: 3, waitMs: 1000 } } });
    expect(await next(50)).toEqual({ kind: 'wait', delayMs: 1000 });
    expect(await next(950)).toEqual({ kind: 'wait', delayMs: 100 });
    window.offer([eventOf(message(3))], 950);
    expect(ids(await run(950))).toEqual([1, 2, 3]);
    window.offer([eventOf(message(4))], 1000);
    expect(await next(1000)).toEqual({ kind: 'wait', delayMs: 1000 });
    expect(ids(await run(2000))).toEqual([4]);
  });

  test('that wait for a full batch let other events pass', async () => {
    const queues = { q: { batch: 3, waitMs: 1000 } };
    const { run } = windowOn([message(1), { id: 2 }], { queues });
    expect(ids(await run())).toEqual([2]);
  });
});

test('an event that was read before it was told of comes once', async () => {
  const rows = [{ id: 1 }, { id: 2 }];
  const { window, one, finish, next } = windowOn(rows);
  // Both are committed, and being synced; the notice of their commit comes after that.
  const first = await one();
  window.offer(rows.map(eventOf), 0);
  finish(first);
  finish(await one());
  expect(await next()).toEqual({ kind: 'idle' });
});

test('events that are put back together keep their order', async () => {
  const window = new Window(() => Promise.resolve({ events: [], upTo: 0, more: false, nextDue: undefined }));
  window.configure({ ordered: true, queues: new Map() });
  await window.refill(0);
  window.offer(
    [1, 2, 3].map((id) => ({
      ...({ kind: 'message', function: 'f', topic: 't', hops: 0 } as const),
      id,
      payload: new Uint8Array(0),
      time: 0,
      attempts: 0,
      notBefore: 0,
    })),
    0,
  );
  const taken = window.takeReady(0);
  for (const slot of taken) window.postpone(slot, { notBefore: 1 }, { onDisk: false });
  expect(window.takeReady(1).map(({ event }) => event.id)).toEqual([1, 2, 3]);
});
