import { expect, test } from '@jest/globals';
import { decodeRelayBatch, encodeRelayBatch, type RelayEntry } from './relay-batch.ts';

const message = (seq: number, payload: string | Uint8Array, contentType?: string): RelayEntry => ({
  ...{ seq, time: 1000 + seq, gap: undefined, topic: `t/${seq % 2}`, contentType },
  payload: Buffer.from(payload),
});
const place = { epoch: '0123456789abcdef', stream: 's', firstSeq: 4 };
const read = (text: string): unknown => decodeRelayBatch(JSON.parse(text));

test('a batch comes out as it went in, whatever bytes its payloads are', () => {
  const entries: RelayEntry[] = [
    message(4, '{"a":1}', 'application/json'),
    message(5, Buffer.from([0xff, 0x00, 0xfe])),
    { seq: 9, time: 1009, gap: { count: 4, reason: 'compacted' } },
    message(10, ''),
    message(11, '\u0000\ud83d\ude00"\\', 'text/plain'),
  ];
  expect(read(encodeRelayBatch({ ...place, entries }))).toEqual({ ...place, lastSeq: 11, entries });
});

test('text is readable in it', () => {
  expect(encodeRelayBatch({ ...place, entries: [message(4, 'warm')] })).toContain('"data":["warm"]');
});

const columns = () =>
  JSON.parse(encodeRelayBatch({ ...place, entries: [message(4, 'a'), message(5, 'b')] })) as Record<
    string,
    unknown
  >;

test.each([
  ['a topic that is not there', { topics: [0, 7] }, /names no topic for its entry 1/],
  ['columns of unequal length', { data: ['a'] }, /unequal length/],
  ['a key nobody knows', { more: 1 }, /does not fit its schema/],
  ['numbers beyond what can be counted', { firstSeq: Number.MAX_SAFE_INTEGER }, /counts too far/],
  ['more topics than entries', { topicNames: ['a', 'b', 'c'] }, /says more about its entries than there are/],
  ['more base64 than entries', { base64: [0, 0, 0] }, /says more about its entries/],
  ['more types than entries', { types: [{ type: 'x', entries: [0, 1, 1] }] }, /says more about its entries/],
  ['no entries', { times: [], topics: [], data: [] }, /does not fit its schema at times/],
])('a batch with %s is refused', (_what, change, fault) => {
  expect(decodeRelayBatch({ ...columns(), ...change })).toMatch(fault);
});
