import { expect, test } from '@jest/globals';
import { relayBatchMaxBytes, relayBatchSchema, type RelayBatch } from '../../cloud-sync/protocol/messages.ts';
import type { GapReason, StreamRecord } from '../streams/operations.ts';
import { BatchBuilder } from './batch.ts';

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
  return relayBatchSchema.parse(builder.build('0123456789abcdef', 'telemetry'));
}
const outline = ({ firstSeq, lastSeq, messages }: RelayBatch): string =>
  `${firstSeq}-${lastSeq}: ${messages.map((entry) => ('gap' in entry ? `${entry.gap.reason}${entry.gap.count}@${entry.seq}` : `@${entry.seq}`)).join(' ')}`;

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

test('a batch ends at 500 messages', () => {
  const batch = batchOf(Array.from({ length: 600 }, (_, index) => message(index + 1)));
  expect([batch.messages.length, batch.lastSeq]).toEqual([500, 500]);
});

test('a batch stays below its bytes, whatever the topics and payloads', () => {
  const topic = '"\u0001ü'.repeat(300);
  const records = Array.from({ length: 400 }, (_, index): StreamRecord => ({
    seq: index + 1,
    time: 1000,
    gap: undefined,
    message: { topic, payload: Buffer.alloc(3001, 0xff), contentType: 'text/plain' },
  }));
  const batch = batchOf(records);
  const bytes = Buffer.byteLength(JSON.stringify(batch));
  expect(bytes).toBeLessThanOrEqual(relayBatchMaxBytes);
  expect(bytes).toBeGreaterThan(relayBatchMaxBytes / 2);
});

test('the largest payload a device takes fits in a batch', () => {
  const builder = new BatchBuilder(0);
  expect(builder.add(message(1, 'x'.repeat(512 * 1024)), 0)).toBe(true);
});
