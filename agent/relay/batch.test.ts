import { expect, test } from '@jest/globals';
import {
  decodeRelayBatch,
  relayBatchMaxContentBytes,
  relayBatchMaxEntries,
  relayBatchMaxJsonBytes,
  type RelayBatch,
} from '../../cloud-sync/protocol/relay-batch.ts';
import type { GapReason, StreamRecord } from '../streams/operations.ts';
import { BatchBuilder, batchLimits } from './batch.ts';

const message = (seq: number, payload = 'x', time = 1000): StreamRecord => ({
  seq,
  time,
  gap: undefined,
  message: { topic: 'a/b', payload: Buffer.from(payload) },
});
const gap = (seq: number, count: number, reason: GapReason = 'bytes'): StreamRecord => ({
  seq,
  time: 1000,
  gap: { count, reason },
});

function batchOf(records: readonly StreamRecord[], { cursor = 0, oldest = 0 } = {}): RelayBatch {
  const builder = new BatchBuilder(cursor);
  for (const record of records) if (!builder.add(record, oldest)) break;
  const batch = decodeRelayBatch(JSON.parse(builder.build('0123456789abcdef', 'telemetry')));
  if (typeof batch === 'string') throw new Error(batch);
  return batch;
}
const outline = ({ firstSeq, lastSeq, entries }: RelayBatch): string =>
  `${firstSeq}-${lastSeq}: ${entries.map((entry) => (entry.gap ? `${entry.gap.reason}${entry.gap.count}@${entry.seq}` : `@${entry.seq}`)).join(' ')}`;

test('messages follow the cursor without a hole', () => {
  expect(outline(batchOf([message(8), message(9)], { cursor: 7 }))).toBe('8-9: @8 @9');
});

test('a gap covers what it stands for, less what the cloud has already', () => {
  expect(outline(batchOf([gap(5, 5), message(6)]))).toBe('1-6: bytes5@5 @6');
  expect(outline(batchOf([gap(5, 5), message(6)], { cursor: 3 }))).toBe('4-6: bytes2@5 @6');
});

test('numbers that are missing on disk become a gap of their own', () => {
  expect(outline(batchOf([message(4), message(7)]))).toBe('1-7: disk3@3 @4 disk2@6 @7');
});

test('neighbouring gaps of one reason become one, others stay apart', () => {
  expect(outline(batchOf([gap(2, 2), gap(4, 2), gap(5, 1, 'age'), message(6)]))).toBe(
    '1-6: bytes4@4 age1@5 @6',
  );
});

test('messages older than wanted shrink to one gap, however many', () => {
  const old = Array.from({ length: 3000 }, (_, index) => message(index + 1, 'x', 10));
  expect(outline(batchOf([...old, message(3001)], { oldest: 500 }))).toBe('1-3001: ttl3000@3000 @3001');
});

test('what was sent already is not sent again', () => {
  expect(outline(batchOf([message(1), message(2), message(3)], { cursor: 2 }))).toBe('3-3: @3');
});

test('a batch ends at its number of entries', () => {
  const batch = batchOf(Array.from({ length: 5000 }, (_, index) => message(index + 1)));
  expect([batch.entries.length, batch.lastSeq]).toEqual([relayBatchMaxEntries, relayBatchMaxEntries]);
});

const heavy = (topic: string, contentType: string, payload: Uint8Array, count = 500) =>
  Array.from({ length: count }, (_, index): StreamRecord => ({
    ...{ seq: index + 1, time: 1000, gap: undefined },
    message: { topic, payload, contentType },
  }));

test.each([
  ['bytes that are no text', Buffer.alloc(3001, 0xff)],
  ['control characters', Buffer.alloc(3001, 1)],
  ['text', Buffer.alloc(3001, 'x')],
])('a batch fills its bytes, and its JSON keeps within bounds: %s', (_what, payload) => {
  const records = heavy('\u0001'.repeat(1000), 'text/plain', payload);
  const { entries } = batchOf(records);
  const bytes = entries.length * 4001;
  expect(bytes).toBeLessThanOrEqual(relayBatchMaxContentBytes);
  expect(bytes).toBeGreaterThan(relayBatchMaxContentBytes - 4001);
  const builder = new BatchBuilder(0);
  for (const record of records) if (!builder.add(record, 0)) break;
  const json = builder.build('0123456789abcdef', 'telemetry');
  expect(Buffer.byteLength(json)).toBeLessThanOrEqual(relayBatchMaxJsonBytes);
});

test('a message that no batch can hold travels as a gap', () => {
  const [large] = heavy('a/b', 'text/plain', Buffer.alloc(relayBatchMaxContentBytes + 1), 1);
  const [odd] = heavy('a/b', 'x'.repeat(129), Buffer.alloc(10), 1);
  expect(outline(batchOf([message(1), { ...large!, seq: 2 }, { ...odd!, seq: 3 }, message(4)]))).toBe(
    '1-4: @1 tooLarge2@3 @4',
  );
});

const addAll = (builder: BatchBuilder, sizes: readonly number[]): boolean[] =>
  sizes.map((size, index) => builder.add(message(index + 1, 'x'.repeat(size)), 0));

test('a message that is more than may be sent today waits', () => {
  const builder = new BatchBuilder(0, { ...batchLimits, allowance: { bytes: 1000, fresh: false } });
  expect(addAll(builder, [2000])).toEqual([false]);
  expect(builder.isEmpty).toBe(true);
});

test('a message larger than a whole day may be goes alone when nothing went that day', () => {
  const builder = new BatchBuilder(0, { ...batchLimits, allowance: { bytes: 1000, fresh: true } });
  expect(addAll(builder, [2000, 1])).toEqual([true, false]);
});

test('no more goes than what is left of the day, to the byte', () => {
  const builder = new BatchBuilder(0, { ...batchLimits, allowance: { bytes: 200, fresh: true } });
  expect(addAll(builder, [97, 97, 97])).toEqual([true, true, false]);
  expect(builder.bytes).toBe(200);
});

test('a message that is larger than a batch should be goes alone', () => {
  const builder = new BatchBuilder(0, { maxEntries: 500, maxBytes: 1000 });
  expect(addAll(builder, [2000, 1])).toEqual([true, false]);
});

test('the largest payload a device takes fits in a batch', () => {
  const builder = new BatchBuilder(0);
  expect(builder.add(message(1, 'x'.repeat(512 * 1024)), 0)).toBe(true);
});
