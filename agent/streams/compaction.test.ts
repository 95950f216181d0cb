import { DatabaseSync } from 'node:sqlite';
import { expect, test } from '@jest/globals';
import { prepareApply } from './apply.ts';
import { Ledger } from './ledger.ts';
import type { Operation, StreamPolicy, StreamRecord } from './operations.ts';
import { prepareReads } from './reads.ts';
import { migrate } from './schema.ts';

function store(policy: Partial<StreamPolicy> = {}) {
  const database = new DatabaseSync(':memory:');
  migrate(database, ':memory:');
  const ledger = Ledger.load(database);
  const whole = { maxBytes: 2 ** 30, relayed: false, consumers: [], keepRead: true, ...policy };
  const apply = prepareApply(database, () => whole);
  const reads = prepareReads(database);
  return {
    database,
    ledger,
    run: (...operations: Operation[]) => ledger.accept(apply([operations], ledger)),
    compact: (before: number, limit = 1000, after = 0) =>
      ledger.accept(apply([[{ op: 'compact', stream: 's', before, limit, after }]], ledger)),
    records: (after = 0) => reads.records({ stream: 's', after, limit: 1000, maxBytes: 2 ** 20 }).map(short),
    /** What the table itself says. */
    held: () =>
      database
        .prepare(
          'SELECT count(*) - count(gap_count) AS messages, coalesce(sum(size), 0) AS bytes FROM messages',
        )
        .get(),
    [Symbol.dispose]: () => database.close(),
  };
}

const short = (record: StreamRecord): string =>
  record.gap
    ? `${record.gap.reason}${record.gap.count}@${record.seq}`
    : `${record.message.key ?? '-'}@${record.seq}`;

const append = (key: string | undefined, time = 0): Operation => ({
  op: 'append',
  stream: 's',
  time,
  message: { topic: 't', payload: Buffer.alloc(10), key },
});
const appends = (...keys: string[]): Operation[] => keys.map((key, time) => append(key, time));
const countersOf = ({ ledger }: { ledger: Ledger }) => {
  const { messages, bytes } = ledger.stream('s');
  return { messages, bytes };
};

test('compaction keeps the latest message of each key, and those without a key', () => {
  using local = store();
  local.run(...appends('a', 'b', 'a', 'c', 'a'), append(undefined), append(undefined));
  local.compact(100);
  expect(local.records()).toEqual(['b@2', 'c@4', 'a@5', '-@6', '-@7']);
  expect(countersOf(local)).toEqual(local.held());
  local.run(append('b'));
  local.compact(100, 10, 7);
  expect(local.records()).toEqual(['c@4', 'a@5', '-@6', '-@7', 'b@8']);
  expect(countersOf(local)).toEqual({ messages: 5, bytes: local.held()?.bytes });
});

test('messages that are young stay, and go when they are looked at after they grew old', () => {
  using local = store();
  local.run(...appends('a', 'a', 'a', 'a'));
  local.compact(2);
  expect(local.records()).toEqual(['a@3', 'a@4']);
  local.compact(2, 10, 4);
  expect(local.records()).toEqual(['a@3', 'a@4']);
  local.compact(3, 10, 2);
  expect(local.records()).toEqual(['a@4']);
});

test('a slice looks at no more messages than it may', () => {
  using local = store();
  local.run(...appends('a', 'a', 'b', 'b', 'c', 'c'));
  local.compact(100, 2);
  expect(local.records()).toEqual(['a@2', 'b@3', 'b@4', 'c@5', 'c@6']);
  local.compact(100, 2, 2);
  expect(local.records()).toEqual(['a@2', 'b@4', 'c@5', 'c@6']);
});

test('what not all readers had leaves gaps that grow together with their neighbours on both sides', () => {
  using local = store({ consumers: ['slow', 'fast'] });
  local.run(...appends('z', 'a', 'b', 'c', 'z'));
  local.run({ op: 'advance', stream: 's', consumer: 'fast', seq: 5 });
  local.run({ op: 'advance', stream: 's', consumer: 'slow', seq: 1 });
  local.run(append('a', 6), append('c', 7));
  local.compact(100);
  expect(local.records()).toEqual(['compacted1@2', 'b@3', 'compacted1@4', 'z@5', 'a@6', 'c@7']);
  local.run(append('b', 8));
  local.compact(100);
  expect(local.records()).toEqual(['compacted3@4', 'z@5', 'a@6', 'c@7', 'b@8']);
  expect(countersOf(local)).toEqual(local.held());
  // In the middle of a gap, only the rest of it is news.
  expect(local.records(3)).toEqual(['compacted1@4', 'z@5', 'a@6', 'c@7', 'b@8']);
  local.run({ op: 'advance', stream: 's', consumer: 'slow', seq: 4 });
  expect(local.records()).toEqual(['z@5', 'a@6', 'c@7', 'b@8']);
});

test('compaction drops what a full pass over any history of keys must drop, and counts are exact', () => {
  using local = store({ consumers: ['one'] });
  let random = 7;
  const next = (bound: number): number => (random = (random * 48_271) % 2_147_483_647) % bound;
  const latest = new Map<string, number>();
  for (let seq = 1, after = 0; seq <= 600; seq++) {
    const key = `k${next(25)}`;
    local.run(append(key, seq));
    latest.set(key, seq);
    if (next(20) > 0) continue;
    local.compact(1e9, 1000, after);
    after = seq;
    const kept = local.records().filter((record) => record.startsWith('k'));
    expect(kept).toEqual([...latest].sort((a, b) => a[1] - b[1]).map(([name, at]) => `${name}@${at}`));
    expect(countersOf(local)).toEqual(local.held());
    const gaps = local.records().filter((record) => record.startsWith('compacted'));
    const counted = gaps.reduce((sum, gap) => sum + Number(/compacted(\d+)@/.exec(gap)?.[1]), 0);
    expect(counted + kept.length).toBe(seq);
  }
});
