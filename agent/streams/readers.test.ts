import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from '@jest/globals';
import { prepareApply } from './apply.ts';
import { Ledger } from './ledger.ts';
import type { Operation, StreamPolicy, StreamRecord } from './operations.ts';
import { prepareReads } from './reads.ts';
import { readUpTo } from './readers.ts';
import { migrate } from './schema.ts';

function store(initial: Partial<StreamPolicy> = {}) {
  const database = new DatabaseSync(':memory:');
  migrate(database, ':memory:');
  const ledger = Ledger.load(database);
  let policy: StreamPolicy = {
    ...{ maxBytes: 2 ** 30, relayed: false, consumers: ['one', 'two'], keepRead: true },
    ...initial,
  };
  const apply = prepareApply(database, () => policy);
  const reads = prepareReads(database);
  return {
    ...{ ledger, reads },
    follow: (change: Partial<StreamPolicy>) => void (policy = { ...policy, ...change }),
    run: (...operations: Operation[]) => ledger.accept(apply([operations], ledger)),
    /** As during the sync: it is there for SQLite, and counted nowhere. */
    runUnsynced: (...operations: Operation[]) => void apply([operations], ledger),
    records: (after = 0, upTo?: number) =>
      reads
        .records({ stream: 's', after, limit: 1000, maxBytes: 2 ** 20, ...(upTo !== undefined && { upTo }) })
        .map(short),
    floor: () => readUpTo(ledger, 's', policy),
    reload: () => Ledger.load(database),
    [Symbol.dispose]: () => database.close(),
  };
}

const short = (record: StreamRecord): string =>
  record.gap ? `${record.gap.reason}${record.gap.count}@${record.seq}` : `@${record.seq}`;
const appends = (count: number): Operation[] =>
  Array.from({ length: count }, (_, time) => ({
    ...{ op: 'append', stream: 's', time, message: { topic: 't', payload: Buffer.alloc(99) } },
  }));
const place = (op: 'advance' | 'seek', consumer: string, seq: number): Operation => ({
  ...{ op, stream: 's', consumer, seq },
});
/** A row of `appends`: 99 + 1 + 64 bytes. */
const rowBytes = 164;

describe('a cursor', () => {
  test('is made where there is none, goes forward only, and never beyond the end', () => {
    using local = store();
    local.run(...appends(5), place('advance', 'one', 2));
    expect(local.ledger.consumer('s', 'one')?.seq).toBe(2);
    expect(local.ledger.consumer('s', 'two')).toBeUndefined();
    local.run(place('advance', 'one', 1));
    expect(local.ledger.consumer('s', 'one')?.seq).toBe(2);
    local.run(place('advance', 'one', 99));
    expect(local.ledger.consumer('s', 'one')?.seq).toBe(5);
    expect(local.reload().consumer('s', 'one')).toEqual({ seq: 5, spent: { day: '', bytes: 0 } });
  });

  test('is put anywhere by a seek, which keeps what was spent', () => {
    using local = store();
    const spent = { day: '2026-01-31', bytes: 7 };
    local.run(...appends(5), { ...place('advance', 'one', 4), spent } as Operation);
    local.run(place('seek', 'one', 1));
    expect(local.reload().consumer('s', 'one')).toEqual({ seq: 1, spent });
    local.run(place('seek', 'one', -3));
    expect(local.ledger.consumer('s', 'one')?.seq).toBe(0);
    local.run(place('seek', 'one', 77));
    expect(local.ledger.consumer('s', 'one')?.seq).toBe(5);
  });

  test('is forgotten on disk too', () => {
    using local = store();
    local.run(...appends(1), place('advance', 'one', 1), place('advance', 'two', 1));
    local.run({ op: 'forgetConsumer', stream: 's', consumer: 'one' });
    expect(local.ledger.consumers('s')).toEqual(['two']);
    expect(local.reload().consumers('s')).toEqual(['two']);
  });
});

describe('with several readers, a stream', () => {
  test('is read as far as the slowest of them, the cloud among them', () => {
    using local = store({ relayed: true });
    local.run(...appends(9), place('advance', 'one', 7), place('advance', 'two', 5));
    expect(local.floor()).toBe(0);
    local.run({ op: 'acknowledge', stream: 's', seq: 6, spent: undefined });
    expect(local.floor()).toBe(5);
  });

  test('keeps what one of them still needs, and frees what all had', () => {
    using local = store({ keepRead: false });
    local.run(...appends(5), place('advance', 'one', 4));
    expect(local.records()).toHaveLength(5);
    local.run(place('advance', 'two', 3));
    expect(local.records()).toEqual(['@4', '@5']);
    expect(local.ledger.stream('s')).toMatchObject({ messages: 2, bytes: 2 * rowBytes });
    local.run(place('seek', 'two', 5));
    expect(local.records()).toEqual(['@5']);
    expect(local.reload().stream('s')).toMatchObject({ messages: 1, bytes: rowBytes });
  });

  test('counts what it drops in a gap until the last of them had it', () => {
    using local = store({ maxBytes: 4 * rowBytes });
    local.run(...appends(3), place('advance', 'one', 3), place('advance', 'two', 1), ...appends(3));
    expect(local.records()).toEqual(['bytes2@3', '@4', '@5', '@6']);
    expect(local.ledger.stream('s')).toMatchObject({ messages: 3, bytes: 3 * rowBytes });
    local.run(place('advance', 'one', 6));
    expect(local.records()[0]).toBe('bytes2@3');
    local.run(place('advance', 'two', 3));
    expect(local.records()).toEqual(['@4', '@5', '@6']);
  });

  test('lets go of what only a reader held back that nobody wants any more', () => {
    using local = store({ keepRead: false });
    local.run(...appends(4), place('advance', 'one', 4));
    local.follow({ consumers: ['one'] });
    local.run({ op: 'forgetConsumer', stream: 's', consumer: 'two' });
    expect(local.records()).toEqual([]);
    expect(local.ledger.stream('s')).toMatchObject({ messages: 0, bytes: 0, lastSeq: 4 });
  });
});

describe('reads', () => {
  test('come in pages of bounded bytes with at least one record', () => {
    using local = store();
    local.run(...appends(6));
    const query = { stream: 's', after: 1, limit: 4 };
    expect(local.reads.records({ ...query, maxBytes: 1 }).map(short)).toEqual(['@2']);
    expect(local.reads.records({ ...query, maxBytes: 150 }).map(short)).toEqual(['@2', '@3']);
    expect(local.reads.records({ ...query, maxBytes: 9999 }).map(short)).toEqual(['@2', '@3', '@4', '@5']);
  });

  test('give back a message with all that it has', () => {
    using local = store();
    const message = { topic: 'a/b', payload: Buffer.from('x'), contentType: 'text/plain', key: 'k', hops: 3 };
    local.run({ op: 'append', stream: 's', time: 5, message });
    const [record] = local.reads.records({ stream: 's', after: 0, limit: 9, maxBytes: 9 });
    expect(record).toMatchObject({ seq: 1, time: 5, message: { ...message, payload: Uint8Array.of(120) } });
  });

  test('find the first record that is not before a time, holes or not', () => {
    using local = store({ consumers: [] });
    local.run(...appends(50).map((one, index) => ({ ...one, time: 10 * index }) as Operation));
    local.run({ op: 'expire', stream: 's', before: 100 });
    expect(local.reads.seqAt('s', 0)).toBe(11);
    expect(local.reads.seqAt('s', 100)).toBe(11);
    expect(local.reads.seqAt('s', 101)).toBe(12);
    expect(local.reads.seqAt('s', 490)).toBe(50);
    expect(local.reads.seqAt('s', 491)).toBe(51);
    expect(local.reads.seqAt('nothing', 5)).toBe(1);
    expect(local.reads.streamInfo('s')).toEqual({ first: 11, last: 50, oldest: 100, newest: 490 });
    expect(local.reads.streamInfo('nothing')).toEqual({ first: undefined, last: 0 });
  });

  test('go backwards without payloads, and say where a slice ends', () => {
    using local = store();
    local.run(...appends(5));
    expect(local.reads.recordHeads('s', { upTo: 4, limit: 2 })).toEqual([
      { seq: 4, topic: 't' },
      { seq: 3, topic: 't' },
    ]);
    expect(local.reads.seqFurther('s', 1, 3)).toBe(4);
    expect(local.reads.seqFurther('s', 3, 3)).toBeUndefined();
  });
});

test('[G5] a gap that reaches behind what is asked for is told as far as that', () => {
  using local = store();
  local.run(...appends(5));
  local.follow({ maxBytes: 3 * rowBytes });
  local.runUnsynced(...appends(5));
  expect(local.records()).toEqual(['bytes8@8', '@9', '@10']);
  expect(local.records(0, 5)).toEqual(['bytes5@5']);
  expect(local.records(2, 5)).toEqual(['bytes3@5']);
  expect(local.records(5, 9)).toEqual(['bytes3@8', '@9']);
});
