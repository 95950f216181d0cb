import { DatabaseSync } from 'node:sqlite';
import { expect, test } from '@jest/globals';
import { prepareApply } from './apply.ts';
import { Ledger } from './ledger.ts';
import { prepareNearEvents, type NearQuery } from './near-events.ts';
import type { NewEvent } from './operations.ts';
import { migrate } from './schema.ts';

function store() {
  const database = new DatabaseSync(':memory:');
  migrate(database, ':memory:');
  const ledger = Ledger.load(database);
  const policy = { maxBytes: 2 ** 30, relayed: false, consumers: [], keepRead: true };
  const apply = prepareApply(database, () => policy);
  const near = prepareNearEvents(database);
  let lastId = 0;
  return {
    /** One more event, of a message when nothing else is said; delayed or failed until `notBefore`. */
    add: (change: Partial<NewEvent> = {}) => {
      const event = { function: 'f', kind: 'message', topic: 't', payload: Buffer.alloc(1) } as const;
      const { notBefore, ...rest } = { ...event, time: 1, hops: 0, ...change };
      lastId++;
      const id = lastId;
      const enqueue = { op: 'enqueue', capacity: 1e6, event: { ...rest, notBefore } } as const;
      const postpone = { op: 'postpone', id, function: 'f', attempts: 1, notBefore: notBefore ?? 0 } as const;
      ledger.accept(apply([[enqueue], ...(notBefore === undefined ? [] : [[postpone]])], ledger));
    },
    /** As many in one commit. */
    addTogether: (count: number) => {
      const event = { function: 'f', kind: 'message', topic: 't', payload: Buffer.alloc(1) } as const;
      const enqueue = { op: 'enqueue', capacity: 1e6, event: { ...event, time: 1, hops: 0 } } as const;
      ledger.accept(apply([Array.from({ length: count }, () => enqueue)], ledger));
      lastId += count;
    },
    /** An event of a page fails: it has a row of its own from then on. */
    fail: (id: number, page: number) => {
      const postpone = { op: 'postpone', id, page, function: 'f', attempts: 1, notBefore: 0 } as const;
      ledger.accept(apply([[postpone]], ledger));
    },
    near: (query: Partial<NearQuery> = {}) => {
      const all = { function: 'f', after: 0, now: 0, ordered: true, forgiven: false, known: 0, ...query };
      const { events, ...rest } = near(all);
      return { ids: events.map(({ id }) => id), ...rest };
    },
    [Symbol.dispose]: () => database.close(),
  };
}

test('the oldest events of a function come a page at a time, those of others never', () => {
  using local = store();
  for (let count = 0; count < 70; count++) local.add();
  local.add({ function: 'other' });
  const first = local.near();
  expect(first).toMatchObject({ upTo: 64, more: true, nextDue: undefined });
  expect(first.ids).toHaveLength(64);
  expect(local.near({ after: 64 })).toEqual({
    ids: [65, 66, 67, 68, 69, 70],
    upTo: 71,
    more: false,
    nextDue: undefined,
  });
});

test('a page of the store is read once, with the rows between its events', () => {
  using local = store();
  local.addTogether(100);
  local.fail(64, 100);
  expect(local.near().ids).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
});

test('rows before a page of the store do not bring it along', () => {
  using local = store();
  for (let count = 0; count < 70; count++) local.add();
  local.addTogether(100);
  expect(local.near()).toMatchObject({ upTo: 64, more: true });
});

test('a page ends at its bytes', () => {
  using local = store();
  for (let count = 0; count < 5; count++) local.add({ payload: Buffer.alloc(2 ** 17) });
  expect(local.near()).toMatchObject({ ids: [1, 2], upTo: 2, more: true });
});

test('in order, a failed event comes in its place, and a delayed message when it is due', () => {
  using local = store();
  local.add({ notBefore: 500 });
  local.add({ kind: 'queue', notBefore: 700 });
  local.add();
  expect(local.near()).toEqual({ ids: [1, 3], upTo: 3, more: false, nextDue: 700 });
  expect(local.near({ after: 3, now: 700 })).toMatchObject({ ids: [2], nextDue: undefined });
});

test('without order, a failed event comes when it is due, or when all back-offs are forgiven', () => {
  using local = store();
  local.add({ notBefore: 500 });
  local.add({ kind: 'queue', notBefore: 700 });
  local.add();
  expect(local.near({ ordered: false })).toMatchObject({ ids: [3], nextDue: 500 });
  expect(local.near({ ordered: false, after: 3, now: 500 })).toMatchObject({ ids: [1], nextDue: 700 });
  expect(local.near({ ordered: false, after: 3, forgiven: true })).toMatchObject({ ids: [1] });
});

test('what seems to wait longer than anything may is due: the clock was set back', () => {
  using local = store();
  local.add({ kind: 'queue', notBefore: Date.parse('2026-01-01') });
  expect(local.near({ now: 0 })).toMatchObject({ ids: [1], nextDue: undefined });
});

test('more that came due than fits comes with the next read', () => {
  using local = store();
  for (let count = 0; count < 100; count++) local.add({ kind: 'queue', notBefore: 5 });
  const first = local.near({ after: 100, now: 10 });
  expect(first.ids).toHaveLength(64);
  expect(first.nextDue).toBe(10);
  expect(local.near({ after: 100, now: 10, known: 64 }).ids).toHaveLength(100);
});

test('what came due ends at its bytes too, behind what is known', () => {
  using local = store();
  for (let count = 0; count < 9; count++)
    local.add({ kind: 'queue', notBefore: 5, payload: Buffer.alloc(2 ** 17) });
  expect(local.near({ after: 9, now: 10 })).toMatchObject({ ids: [1, 2], nextDue: 10 });
  expect(local.near({ after: 9, now: 10, known: 2 })).toMatchObject({ ids: [1, 2, 3, 4], nextDue: 10 });
  expect(local.near({ after: 9, now: 10, known: 8 })).toMatchObject({ nextDue: undefined });
});
