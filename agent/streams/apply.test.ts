import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from '@jest/globals';
import { prepareApply } from './apply.ts';
import { Ledger } from './ledger.ts';
import type { Operation, StreamPolicy, StreamRecord } from './operations.ts';
import { prepareReads } from './reads.ts';
import { migrate } from './schema.ts';
import { storeError } from './sqlite-errors.ts';

const keepAll: StreamPolicy = { maxBytes: 2 ** 30, relayed: true, consumers: [], keepRead: true };

function store(policy: Partial<StreamPolicy> = {}) {
  const database = new DatabaseSync(':memory:');
  migrate(database, ':memory:');
  const ledger = Ledger.load(database);
  const apply = prepareApply(database, () => ({ ...keepAll, ...policy }));
  const reads = prepareReads(database);
  return {
    database,
    ledger,
    run: (...operations: Operation[]) => {
      const draft = apply([operations], ledger);
      ledger.accept(draft);
      return draft.refused;
    },
    records: () => reads.records({ stream: 's', after: 0, limit: 1000, maxBytes: 2 ** 20 }).map(short),
    events: () => {
      const query = { after: 0, now: 1e14, ordered: true, forgiven: false, known: 0 };
      return reads.near({ function: 'f', ...query }).events;
    },
    reload: () => Ledger.load(database),
    [Symbol.dispose]: () => database.close(),
  };
}

const short = (record: StreamRecord): string =>
  record.gap ? `${record.gap.reason}${record.gap.count}@${record.seq}` : `@${record.seq}`;

const append = (time = 0): Operation => ({
  op: 'append',
  stream: 's',
  time,
  message: { topic: 't', payload: Buffer.alloc(99) },
});
const appends = (count: number): Operation[] => Array.from({ length: count }, (_, index) => append(index));
const enqueue = (capacity = 10): Operation => ({
  op: 'enqueue',
  capacity,
  event: { function: 'f', kind: 'message', topic: 't', payload: Buffer.from('x'), time: 1, hops: 0 },
});
const acknowledge = (seq: number): Operation => ({ op: 'acknowledge', stream: 's', seq, spent: undefined });

/** A row of `append` costs 99 + 1 + 64 bytes. */
const rowBytes = 164;

describe('streams', () => {
  test('are counted with a transaction, once it is accepted and not before', () => {
    using database = new DatabaseSync(':memory:');
    migrate(database, ':memory:');
    const ledger = Ledger.load(database);
    const apply = prepareApply(database, () => keepAll);
    const counted = () => [ledger.stream('s').lastSeq, ledger.stream('s').messages];
    const first = apply([[append(), append()], [append()]], ledger);
    expect(counted()).toEqual([0, 0]);
    ledger.accept(first);
    expect(counted()).toEqual([3, 3]);
    apply([[append(), append()]], ledger);
    expect(counted()).toEqual([3, 3]);
  });

  test('number their messages from 1 without holes', () => {
    using local = store();
    local.run(...appends(3));
    local.run(append());
    expect(local.records()).toEqual(['@1', '@2', '@3', '@4']);
    expect(local.ledger.stream('s')).toMatchObject({ lastSeq: 4, ackedSeq: 0, bytes: 4 * rowBytes });
  });

  test('drop the oldest beyond their bytes, and count the unrelayed ones in one gap', () => {
    using local = store({ maxBytes: 4 * rowBytes });
    local.run(...appends(4));
    local.run(append());
    expect(local.records()).toEqual(['bytes2@2', '@3', '@4', '@5']);
    local.run(...appends(3));
    expect(local.records()).toEqual(['bytes5@5', '@6', '@7', '@8']);
    expect(local.ledger.stream('s').bytes).toBe(3 * rowBytes);
  });

  test('leave no gap for what the cloud has', () => {
    using local = store({ maxBytes: 4 * rowBytes });
    local.run(...appends(3), acknowledge(2));
    local.run(...appends(3));
    expect(local.records()).toEqual(['bytes1@3', '@4', '@5', '@6']);
  });

  test('leave no gap when nobody relays them', () => {
    using local = store({ maxBytes: 2 * rowBytes, relayed: false });
    local.run(...appends(5));
    expect(local.records()).toEqual(['@5']);
  });

  test('drop what is too old, and keep gaps of another reason apart', () => {
    using local = store({ maxBytes: 4 * rowBytes });
    local.run(...appends(6));
    expect(local.records()).toEqual(['bytes3@3', '@4', '@5', '@6']);
    local.run({ op: 'expire', stream: 's', before: 4 });
    expect(local.records()).toEqual(['bytes3@3', 'age1@4', '@5', '@6']);
    local.run({ op: 'expire', stream: 's', before: 100 });
    expect(local.records()).toEqual(['bytes3@3', 'age3@6']);
    local.run(append());
    expect(local.records()).toEqual(['bytes3@3', 'age3@6', '@7']);
  });

  test('free what is acknowledged, and only that, when nothing is kept', () => {
    using local = store({ keepRead: false });
    local.run(...appends(5));
    local.run(acknowledge(3));
    expect(local.records()).toEqual(['@4', '@5']);
    local.run(acknowledge(2), acknowledge(99));
    expect(local.records()).toEqual(['@4', '@5']);
    expect(local.ledger.stream('s')).toMatchObject({ ackedSeq: 3, bytes: 2 * rowBytes });
  });
});

describe('queues', () => {
  test('count their events, and bury what is beyond the capacity', () => {
    using local = store();
    local.run(enqueue(2), enqueue(2), enqueue(2));
    expect([local.ledger.queued('f'), local.ledger.dead('f')]).toEqual([2, 1]);
    const [first] = local.events();
    local.run({ op: 'finish', id: first?.id ?? 0, function: 'f' });
    expect(local.ledger.queued('f')).toBe(1);
  });

  test('remember attempts, and move a buried event to the dead letters', () => {
    using local = store();
    local.run(enqueue());
    const id = local.events()[0]?.id ?? 0;
    local.run({ op: 'postpone', id, function: 'f', attempts: 2, notBefore: 77 });
    expect(local.events()[0]).toMatchObject({ attempts: 2, notBefore: 77 });
    const error = { code: 'threw', message: 'no' };
    local.run({ op: 'bury', id, function: 'f', attempts: 5, time: 9, error });
    expect(local.events()).toEqual([]);
    expect(
      local.database.prepare('SELECT attempts, error_code AS code FROM dead_letters').get(),
    ).toMatchObject({
      attempts: 5,
      code: 'threw',
    });
  });

  test.each([
    { op: 'finish' },
    { op: 'postpone', attempts: 1, notBefore: 5 },
    { op: 'bury', attempts: 1, time: 9, error: { code: 'threw', message: 'no' } },
  ] as const)('refuse all that was done with an event that is gone: $op', (end) => {
    using local = store();
    local.run(enqueue());
    const id = local.events()[0]?.id ?? 0;
    local.run({ op: 'finish', id, function: 'f' });
    expect(local.run(append(), { ...end, id, function: 'f' }).get(0)).toMatchObject({ code: 'gone' });
    expect(local.records()).toEqual([]);
    expect([local.ledger.queued('f'), local.ledger.dead('f')]).toEqual([0, 0]);
  });

  test('keep a bounded number of dead letters, the newest', () => {
    using local = store();
    local.run(...Array.from({ length: 1005 }, () => enqueue(0)));
    expect(local.ledger.dead('f')).toBe(1000);
    expect(local.reload().dead('f')).toBe(1000);
  });
});

test('key-value stores account for the bytes they hold', () => {
  using local = store();
  const put = (value: string): Operation => ({ op: 'put', store: 'k', key: 'ä', value: Buffer.from(value) });
  local.run(put('12345'));
  expect(local.ledger.storeBytes('k')).toBe(7);
  local.run(put('1'));
  expect(local.ledger.storeBytes('k')).toBe(3);
  local.run({ op: 'remove', store: 'k', key: 'ä' }, { op: 'remove', store: 'k', key: 'ä' });
  expect(local.ledger.storeBytes('k')).toBe(0);
  expect(local.reload().storeBytes('k')).toBe(0);
});

test('a full disk rolls the whole group back, counters included, and the next one may succeed', () => {
  using local = store();
  local.run(append());
  const pages = Number(local.database.prepare('PRAGMA page_count').get()?.page_count);
  local.database.exec(`PRAGMA max_page_count = ${pages + 2}`);
  let failure: unknown;
  try {
    local.run(enqueue(), ...appends(500));
  } catch (error) {
    failure = storeError(error, 'local.db');
  }
  expect(failure).toMatchObject({ code: 'diskFull', transient: true });
  expect(local.ledger.queued('f')).toBe(0);
  expect(local.records()).toEqual(['@1']);
  local.database.exec('PRAGMA max_page_count = 100000');
  local.run(append());
  expect(local.records()).toEqual(['@1', '@2']);
});

test('counters read back from disk are the ones that were kept in memory', () => {
  using local = store({ maxBytes: 3 * rowBytes });
  local.run(...appends(10), enqueue(), acknowledge(9));
  const reloaded = local.reload();
  expect(reloaded.stream('s')).toEqual(local.ledger.stream('s'));
  expect(reloaded.queued('f')).toBe(1);
});
