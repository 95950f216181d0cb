import { DatabaseSync } from 'node:sqlite';
import { expect, test } from '@jest/globals';
import { prepareApply } from './apply.ts';
import { Ledger } from './ledger.ts';
import { maxSeq, maxStreams } from './message-ids.ts';
import type { Operation } from './operations.ts';
import { prepareRecordReads } from './record-reads.ts';
import { migrate } from './schema.ts';

/** Streams `s1` and on, each with its last number. */
function store(streams: number, lastSeq: number) {
  const database = new DatabaseSync(':memory:');
  migrate(database, ':memory:');
  const insert = database.prepare('INSERT INTO streams VALUES (?, ?, 0, 0, ?, 0, 0, 0, ?)');
  for (let number = 1; number <= streams; number++) insert.run(`s${number}`, lastSeq, '', number);
  const ledger = Ledger.load(database);
  const policy = { maxBytes: 2 ** 30, relayed: false, consumers: [], keepRead: true };
  const apply = prepareApply(
    database,
    () => policy,
    (name) => `${name}-dead`,
  );
  const reads = prepareRecordReads(database);
  return {
    ledger,
    run: (...units: Operation[][]): Map<number, Error> => {
      const draft = apply(units, ledger);
      ledger.accept(draft);
      return draft.refused;
    },
    last: (stream: string) =>
      reads.records({ stream, after: ledger.stream(stream).lastSeq - 1, limit: 1, maxBytes: 99 }),
    [Symbol.dispose]: () => database.close(),
  };
}

const append = (stream: string, text = 'x'): Operation => ({
  ...{ op: 'append', stream, time: 1, message: { topic: 't', payload: Buffer.from(text) } },
});

test('a stream takes its last number, and refuses what comes behind it while others go on', () => {
  using local = store(2, maxSeq - 1);
  const refused = local.run([append('s1', 'last')], [append('s1')], [append('s2', 'other')]);
  expect([...refused]).toEqual([[1, expect.objectContaining({ code: 'tooLarge' })]]);
  expect(local.ledger.stream('s1').lastSeq).toBe(maxSeq);
  expect(local.last('s1')).toMatchObject([
    { seq: maxSeq, message: { payload: Uint8Array.from(Buffer.from('last')) } },
  ]);
  expect(local.last('s2')).toMatchObject([
    { seq: maxSeq, message: { payload: Uint8Array.from(Buffer.from('other')) } },
  ]);
});

test('a unit whose messages have not all room is refused as a whole', () => {
  using local = store(1, maxSeq - 1);
  expect(local.run([append('s1'), append('s1')]).size).toBe(1);
  expect(local.ledger.stream('s1').lastSeq).toBe(maxSeq - 1);
});

test('the last number for a stream is given, the next stream is refused, and those that are there go on', () => {
  using local = store(maxStreams - 1, 5);
  const refused = local.run([append('new')], [append('newer')], [append('s1')]);
  expect([...refused]).toEqual([[1, expect.objectContaining({ code: 'tooLarge' })]]);
  expect(local.ledger.stream('new')).toMatchObject({ number: maxStreams, lastSeq: 1 });
  expect(local.ledger.stream('s1').lastSeq).toBe(6);
  expect(local.run([append('newer')]).size).toBe(1);
});

test('an event whose dead letter would have no room in its stream is refused, not lost', () => {
  using local = store(maxStreams, 5);
  const event = {
    function: 'f',
    kind: 'message',
    topic: 't',
    payload: Buffer.from('x'),
    time: 1,
    hops: 0,
  } as const;
  expect(local.run([{ op: 'enqueue', capacity: 0, event }]).size).toBe(1);
  expect(local.ledger.dead('f')).toBe(0);
});

test('streams are numbered one after the other, in one transaction and over several', () => {
  using local = store(1, 5);
  local.run([append('a')], [append('b'), append('a')]);
  local.run([append('c')]);
  expect(['s1', 'a', 'b', 'c'].map((name) => local.ledger.stream(name).number)).toEqual([1, 2, 3, 4]);
});
