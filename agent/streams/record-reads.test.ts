import { DatabaseSync } from 'node:sqlite';
import { expect, test } from '@jest/globals';
import { prepareApply } from './apply.ts';
import { Ledger } from './ledger.ts';
import { maxSeq, messageId } from './message-ids.ts';
import type { Operation, StreamRecord } from './operations.ts';
import { prepareRecordReads } from './record-reads.ts';
import { migrate } from './schema.ts';
import { prepareStreamWrites } from './stream-statements.ts';

function store() {
  const database = new DatabaseSync(':memory:');
  migrate(database, ':memory:');
  const ledger = Ledger.load(database);
  const policy = { maxBytes: 2 ** 30, relayed: true, consumers: [], keepRead: true };
  const apply = prepareApply(database, () => policy);
  return {
    ...{ database, ledger },
    reads: prepareRecordReads(database),
    run: (...operations: Operation[]) => ledger.accept(apply([operations], ledger)),
    [Symbol.dispose]: () => database.close(),
  };
}

const append = (stream: string, payload: Uint8Array, time = 1): Operation => ({
  ...{ op: 'append', stream, time, message: { topic: 't', payload } },
});
const payloadsOf = (records: readonly StreamRecord[]): (string | undefined)[] =>
  records.map((record) => (record.gap ? undefined : Buffer.from(record.message.payload).toString('hex')));

test('payloads of a page come as they went in, whatever their bytes', () => {
  using local = store();
  const payloads = ['', '00', 'ff00fe', 'c3', 'a4', '', 'efbbbf41', '00'];
  local.run(...payloads.map((hex) => append('s', Buffer.from(hex, 'hex'))));
  const page = { stream: 's', after: 0, limit: 100, maxBytes: 2 ** 20 };
  expect(payloadsOf(local.reads.records(page))).toEqual(payloads);
  expect(payloadsOf(local.reads.records({ ...page, after: 2, limit: 3 }))).toEqual(payloads.slice(2, 5));
  expect(payloadsOf(local.reads.records({ ...page, after: 4, upTo: 7 }))).toEqual(payloads.slice(4, 7));
  expect(payloadsOf(local.reads.records({ ...page, maxBytes: 2 }))).toEqual(payloads.slice(0, 3));
});

test('a gap between messages takes no bytes of a page', () => {
  using local = store();
  local.run(...['01', '02', '03'].map((hex, time) => append('s', Buffer.from(hex, 'hex'), time)));
  local.run({ op: 'expire', stream: 's', before: 2 });
  const page = { stream: 's', after: 0, limit: 100, maxBytes: 2 ** 20 };
  expect(payloadsOf(local.reads.records(page))).toEqual([undefined, '03']);
});

test('no number from outside reaches into another stream', () => {
  using local = store();
  local.run(...['a', 'b', 'c'].map((stream) => append(stream, Buffer.from(stream))));
  const { reads } = local;
  for (const far of [1, maxSeq, maxSeq + 1, 2 ** 43, Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY]) {
    expect(reads.records({ stream: 'b', after: far, limit: 9, maxBytes: 99 })).toEqual([]);
    expect(reads.seqFurther('b', far, 1)).toBeUndefined();
    expect(reads.recordHeads('b', { upTo: far, limit: 9 })).toEqual([{ seq: 1, topic: 't' }]);
  }
  const before = { stream: 'b', after: -5, limit: 9, maxBytes: 99 };
  expect(payloadsOf(reads.records(before))).toEqual([Buffer.from('b').toString('hex')]);
  expect(reads.recordHeads('b', { upTo: -1, limit: 9 })).toEqual([]);
  expect(reads.streamInfo('b')).toEqual({ first: 1, last: 1, oldest: 1, newest: 1 });
  expect(reads.records({ stream: 'none', after: 0, limit: 9, maxBytes: 99 })).toEqual([]);
  expect(reads.streamInfo('none')).toEqual({
    first: undefined,
    last: 0,
    oldest: undefined,
    newest: undefined,
  });
});

test('ids of the last message of one stream and the first of the next are two, and exact', () => {
  expect(messageId(2, 1) - messageId(1, maxSeq)).toBe(2);
  expect(Number.isSafeInteger(messageId(2047, maxSeq))).toBe(true);
});

test('no statement about streams walks through the messages of others', () => {
  using local = store();
  const { database } = local;
  const texts: string[] = [];
  const prepare = database.prepare.bind(database);
  database.prepare = (text) => {
    texts.push(text);
    return prepare(text);
  };
  prepareRecordReads(database);
  prepareStreamWrites(database);
  const plans = texts.map((text) => ({ text, plan: prepare(`EXPLAIN QUERY PLAN ${text}`).all() }));
  expect(texts.length).toBeGreaterThan(20);
  for (const { text, plan } of plans)
    for (const { detail } of plan)
      // Only what a subquery found, in the range it searched, is gone through.
      expect({ text, detail }).toEqual({
        text,
        detail: expect.not.stringMatching(/SCAN (?!\()|TEMP B-TREE/),
      });
});
