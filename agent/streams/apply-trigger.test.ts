import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from '@jest/globals';
import { prepareApply } from './apply.ts';
import { Ledger } from './ledger.ts';
import type { Operation } from './operations.ts';
import { prepareReads } from './reads.ts';
import { migrate } from './schema.ts';
import type { Spent } from './trigger-operations.ts';

function store({ deadLetters }: { deadLetters?: string } = {}) {
  const database = new DatabaseSync(':memory:');
  migrate(database, ':memory:');
  const ledger = Ledger.load(database);
  const keepAll = { maxBytes: 2 ** 30, relayed: true, consumers: [], keepRead: true };
  const apply = prepareApply(
    database,
    () => keepAll,
    () => deadLetters,
  );
  const reads = prepareReads(database);
  const page = { function: 'f', after: 0, limit: 1000, maxBytes: 2 ** 20 };
  return {
    ledger,
    reads,
    run: (...operations: Operation[]) => {
      const draft = apply([operations], ledger);
      ledger.accept(draft);
      return draft;
    },
    events: () => reads.near({ ...page, now: 1e14, ordered: true, forgiven: false, known: 0 }).events,
    dead: () => reads.deadLetters(page),
    reload: () => Ledger.load(database),
    [Symbol.dispose]: () => database.close(),
  };
}

const enqueue = (payload: string, capacity = 10): Operation => ({
  op: 'enqueue',
  capacity,
  event: { function: 'f', kind: 'message', topic: 't', payload: Buffer.from(payload), time: 1, hops: 0 },
});

const bury = (id: number): Operation => ({
  ...{ op: 'bury', id, function: 'f', attempts: 5, time: 9 },
  error: { code: 'threw', message: 'no' },
});

describe('dead letters', () => {
  test('go to their stream too, as a CloudEvent with the payload byte for byte', () => {
    using local = store({ deadLetters: 'graves' });
    local.run(enqueue('first'), enqueue('second', 1));
    local.run(bury(local.events()[0]?.id ?? 0));
    const records = local.reads.records({ stream: 'graves', after: 0, limit: 9, maxBytes: 2 ** 20 });
    const events = records.map((record) => {
      if (record.gap) throw new Error('a gap');
      expect(record.message).toMatchObject({
        topic: 'dead-letter/f',
        contentType: 'application/cloudevents+json',
      });
      return JSON.parse(Buffer.from(record.message.payload).toString()) as Record<string, unknown>;
    });
    expect(events).toMatchObject([
      { subject: 't', errorcode: 'queueFull', attempts: 0, data_base64: btoa('second') },
      { specversion: '1.0', source: '/functions/f', errorcode: 'threw', errormessage: 'no', attempts: 5 },
    ]);
    expect(events[1]).toMatchObject({ data_base64: btoa('first'), time: '1970-01-01T00:00:00.009Z' });
  });

  test('go back to the end of their queue, with all attempts ahead of them', () => {
    using local = store();
    local.run(enqueue('a'), enqueue('b'));
    local.run(bury(local.events()[0]?.id ?? 0));
    const [letter] = local.dead();
    expect(letter).toMatchObject({ topic: 't', attempts: 5, died: 9, error: { code: 'threw' } });
    const draft = local.run({ op: 'redeliver', function: 'f', id: letter?.id ?? 0 });
    expect(draft.awakened).toEqual(new Set(['f']));
    expect(
      local.events().map(({ payload, attempts }) => [Buffer.from(payload).toString(), attempts]),
    ).toEqual([
      ['b', 0],
      ['a', 0],
    ]);
    expect([local.ledger.queued('f'), local.ledger.dead('f')]).toEqual([2, 0]);
    expect([local.reload().queued('f'), local.reload().dead('f')]).toEqual([2, 0]);
  });

  test('are discarded once, and only those of the function that is named', () => {
    using local = store();
    local.run(enqueue('a', 0));
    const id = local.dead()[0]?.id ?? 0;
    local.run({ op: 'discard', function: 'other', id }, { op: 'redeliver', function: 'other', id });
    expect(local.ledger.dead('f')).toBe(1);
    local.run({ op: 'discard', function: 'f', id }, { op: 'discard', function: 'f', id });
    local.run({ op: 'redeliver', function: 'f', id });
    expect([local.ledger.queued('f'), local.ledger.dead('f'), local.dead()]).toEqual([0, 0, []]);
  });
});

describe('spending', () => {
  const spend = (day: string, change: Partial<Spent> = {}): Operation => ({
    ...{ op: 'spend', function: 'f', day, invocations: 1, egressBytes: 10, cpuMs: 0.5, dropped: 0 },
    ...change,
  });

  test('adds up within a day and begins anew with the next', () => {
    using local = store();
    local.run(spend('2026-01-01'), spend('2026-01-01', { dropped: 2 }));
    local.run(spend('2026-01-01'));
    const whole = {
      day: '2026-01-01',
      invocations: 3,
      egressBytes: 30,
      cpuMs: 1.5,
      dropped: 2,
      lifted: false,
    };
    expect(local.ledger.spending('f')).toEqual(whole);
    expect(local.reload().spending('f')).toEqual(whole);
    local.run(spend('2026-01-02'));
    expect(local.ledger.spending('f')).toMatchObject({ day: '2026-01-02', invocations: 1 });
  });

  test('is lifted for the rest of the day when the function is resumed', () => {
    using local = store();
    local.run(spend('2026-01-01'), { op: 'resume', function: 'f', liftedDay: '2026-01-01' });
    local.run(spend('2026-01-01'));
    expect(local.reload().spending('f')).toMatchObject({ invocations: 2, lifted: true });
    local.run(spend('2026-01-02'));
    expect(local.reload().spending('f')).toMatchObject({ invocations: 1, lifted: false });
  });
});

test('a pause lasts until it is ended, over restarts', () => {
  using local = store();
  local.run({ op: 'pause', function: 'f', since: 5, reason: 'repairs' });
  expect(local.ledger.pause('f')).toEqual({ since: 5, reason: 'repairs' });
  expect(local.reload().pause('f')).toEqual({ since: 5, reason: 'repairs' });
  local.run({ op: 'resume', function: 'f', liftedDay: undefined });
  expect(local.ledger.spending('f')).toBeUndefined();
  expect([local.ledger.pause('f'), local.reload().pause('f')]).toEqual([undefined, undefined]);
});

test('schedules and files are remembered until they are forgotten', () => {
  using local = store();
  const place = { volume: 'v', path: 'a/b.csv' };
  const stat = { size: 3, modified: 1_700_000_000_000.25, inode: 2 ** 60 };
  local.run(
    { op: 'plan', function: 'f', schedule: '* * * * *', planned: 5 },
    { op: 'see', function: 'f', ...place, stat },
  );
  local.run({ op: 'plan', function: 'f', schedule: '* * * * *', planned: 7 });
  expect(local.reads.plans()).toEqual([{ function: 'f', schedule: '* * * * *', planned: 7 }]);
  expect(local.reads.files('f', 'v')).toEqual(new Map([['a/b.csv', stat]]));
  local.run(
    { op: 'plan', function: 'f', schedule: '* * * * *', planned: undefined },
    { op: 'see', function: 'f', ...place, stat: undefined },
  );
  expect(local.reads.plans()).toEqual([]);
  expect(local.reads.files('f', 'v').size).toBe(0);
});

test('a commit names what is new of each function, in order, with the ids it has on disk', () => {
  using local = store();
  const { arrived, awakened } = local.run(enqueue('a'), enqueue('b'));
  const strip = ({ id, payload }: { id: number; payload: Uint8Array }) => [
    id,
    Buffer.from(payload).toString(),
  ];
  expect(arrived.get('f')?.map(strip)).toEqual(local.events().map(strip));
  expect(awakened.size).toBe(0);
});
