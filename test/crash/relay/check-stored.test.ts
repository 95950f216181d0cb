import { expect, test } from '@jest/globals';
import { checkStored, type Evidence, type StoredRow } from './check-stored.ts';
import type { SentMessage } from './sent-messages.ts';

const epoch = '00112233445566ff';

const sentOf = (n: number, change: Partial<SentMessage> = {}): SentMessage => ({
  ...{ id: `p:${n}`, publisher: 'p', n, stream: 's', qos: 2, sends: 1, publications: 1, acked: true },
  ...change,
});
const row = (seq: number, n = seq): StoredRow => ({ epoch, stream: 's', seq, id: `p:${n}`, gap: undefined });
const gap = (seq: number, count: number): StoredRow => ({
  ...{ epoch, stream: 's', seq, id: undefined },
  gap: { count, reason: 'bytes' },
});
const evidence = (rows: StoredRow[], change: Partial<Evidence> = {}): Evidence => ({
  rows,
  sent: [1, 2, 3, 4, 5].map((n) => sentOf(n)),
  lastSeqs: new Map([['s', 5]]),
  ...change,
});

test('what was sent, stored once, in order, is right, with and without gaps', () => {
  expect(checkStored(evidence([row(1), row(2), row(3), row(4), row(5)]))).toEqual([]);
  expect(checkStored(evidence([row(1), gap(4, 3), row(5)]))).toEqual([]);
});

test('a repetition by QoS 1 is right when its PUBLISH went out twice', () => {
  const rows = [row(1), row(2), row(3, 2), row(4, 3)];
  const sent = (sends: number) => [1, 2, 3].map((n) => sentOf(n, { qos: 1, sends: n === 2 ? sends : 1 }));
  const lastSeqs = new Map([['s', 4]]);
  expect(checkStored({ rows, sent: sent(2), lastSeqs })).toEqual([]);
  expect(checkStored({ rows, sent: sent(1), lastSeqs })).toContain(
    's: p:2 (QoS 1) is stored 2 times, at most 1 are right',
  );
});

test.each<[string, StoredRow[], string]>([
  ['a lost message', [row(1), row(2), row(4), row(5)], 'numbers 3 to 3 are missing without a gap'],
  [
    'a lost message whose number went to the next',
    [row(1), row(2), row(3, 4), row(4, 5)],
    '1 acknowledged are missing, gaps count 0: p:3',
  ],
  ['a lost end', [row(1), row(2), row(3), row(4)], 'the cloud is at number 4, the device at 5'],
  ['a number twice', [row(1), row(2), row(2), row(3), row(4), row(5)], 'number 2 is there twice, or after 2'],
  [
    'a message twice',
    [row(1), row(2), row(3, 2), row(4, 3), row(5, 4)],
    'p:2 (QoS 2) is stored 2 times, at most 1 are right',
  ],
  ['two swapped messages', [row(1), row(2, 3), row(3, 2), row(4), row(5)], 'p:2 comes after p:3'],
  ['two swapped rows', [row(1), row(3), row(2), row(4), row(5)], 'number 2 is there twice, or after 3'],
  [
    'a gap that counts too few',
    [row(1), gap(3, 2), row(4, 5), gap(5, 1)],
    'between number 1 and 4 gaps count 2, but 3 are missing',
  ],
  ['a gap that counts too many', [row(1), gap(3, 3), row(4), row(5)], 'number 1 is there twice, or after 1'],
  [
    'a gap for what was never sent',
    [row(1), row(2), row(3), row(4), row(5), gap(6, 1)],
    '5 stored and 1 counted in gaps are more than the 5 that were sent',
  ],
  ['a stranger', [row(1), row(2), row(3), row(4), row(5, 9)], 'p:9 is stored but nobody sent it'],
])('%s is found', (_, rows, problem) => {
  expect(checkStored(evidence(rows))).toContain(`s: ${problem}`);
});

test('an epoch that goes on after another one began is found', () => {
  const other = { ...row(1, 4), epoch: 'ffffffffffffffff' };
  expect(checkStored(evidence([row(1), row(2), row(3), other, row(4, 5)]))).toContain(
    `s: epoch ${epoch} goes on after another one began`,
  );
});
