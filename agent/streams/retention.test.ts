import { DatabaseSync } from 'node:sqlite';
import { expect, test } from '@jest/globals';
import { prepareApply } from './apply.ts';
import { Ledger } from './ledger.ts';
import type { Operation, StreamRecord } from './operations.ts';
import { prepareRecordReads } from './record-reads.ts';
import { migrate } from './schema.ts';

/** A row of `appends`: 36 + 1 + 64 bytes … */
const rowBytes = 101;
/** … of which so many go in one transaction. */
const slice = 2000;

function store() {
  const database = new DatabaseSync(':memory:');
  migrate(database, ':memory:');
  const ledger = Ledger.load(database);
  let maxBytes = 2 ** 30;
  const apply = prepareApply(database, () => ({ maxBytes, relayed: true, consumers: [], keepRead: true }));
  const reads = prepareRecordReads(database);
  const run = (...operations: Operation[]) => {
    const draft = apply([operations], ledger);
    ledger.accept(draft);
    return draft.dropped;
  };
  return {
    run,
    limit: (rows: number) => void (maxBytes = rows * rowBytes),
    held: () => ledger.stream('s').messages,
    first: (): string[] => reads.records({ stream: 's', after: 0, limit: 2, maxBytes: 2 ** 20 }).map(short),
    [Symbol.dispose]: () => database.close(),
  };
}

const short = ({ seq, gap }: StreamRecord): string => (gap ? `${gap.reason}${gap.count}@${seq}` : `@${seq}`);
const appends = (count: number): Operation[] =>
  Array.from({ length: count }, (_, time) => ({
    ...{ op: 'append', stream: 's', time, message: { topic: 't', payload: Buffer.alloc(36) } },
  }));
const trim: Operation = { op: 'trim', stream: 's' };

test('a bound that was lowered far is reached in slices, with one gap that counts what went so far', () => {
  using local = store();
  local.run(...appends(5000));
  local.limit(100);
  expect(local.run(trim)).toEqual([
    { stream: 's', reason: 'bytes', count: 500 },
    { stream: 's', reason: 'bytes', count: 500 },
    { stream: 's', reason: 'bytes', count: 500 },
    { stream: 's', reason: 'bytes', count: 500 },
  ]);
  expect(local.held()).toBe(5000 - slice);
  expect(local.first()).toEqual(['bytes2000@2000', '@2001']);
  local.run(...appends(1));
  expect(local.first()).toEqual(['bytes4000@4000', '@4001']);
  local.run(trim);
  expect(local.held()).toBe(95);
  expect(local.first()).toEqual(['bytes4906@4906', '@4907']);
  expect(local.run(trim)).toEqual([]);
});

test('a stream that is over its bytes does not grow, however much a transaction brings', () => {
  using local = store();
  local.run(...appends(5000));
  local.limit(4000);
  local.run(...appends(3000));
  expect(local.held()).toBeLessThanOrEqual(5000);
  local.run(...appends(9000));
  expect(local.held()).toBeLessThanOrEqual(5000);
  expect(local.first()[0]).toBe(`bytes${17_000 - local.held()}@${17_000 - local.held()}`);
});
