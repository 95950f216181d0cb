import { expect, test } from '@jest/globals';
import { checkSession, checkStretch } from './check-delivery.ts';
import type { StoredRow } from './check-stored.ts';
import type { SentMessage } from './sent-messages.ts';

const rows = ['p:1', 'p:2', 'p:3', 'p:2', 'p:4'].map<StoredRow>((id, index) => ({
  ...{ epoch: 'e', stream: 's', seq: index + 1, id, gap: undefined },
}));
const sentOf = (n: number, acked = true): SentMessage => ({
  ...{ id: `p:${n}`, publisher: 'p', n, stream: 's', qos: 1, sends: 1, publications: 1, acked },
});

test('a durable session may get more than what was acknowledged, and nothing less', () => {
  const sent = [sentOf(1), sentOf(2), sentOf(3, false)];
  expect(checkSession(new Set(['p:1', 'p:2', 'p:3']), sent)).toEqual([]);
  expect(checkSession(new Set(['p:1', 'p:3']), sent)).toEqual([
    'the durable session did not get 1 acknowledged: p:2',
  ]);
});

test('an unbroken stretch of what is stored is right wherever it begins and ends', () => {
  for (const stretch of [[], ['p:1', 'p:2', 'p:3', 'p:2', 'p:4'], ['p:2', 'p:3'], ['p:2', 'p:4'], ['p:4']])
    expect(checkStretch(stretch, rows)).toEqual([]);
});

test.each<[string, string[], string]>([
  ['one left out', ['p:1', 'p:3'], 'p:3 where p:2 follows'],
  ['two swapped', ['p:1', 'p:3', 'p:2'], 'p:3 where p:2 follows'],
  ['one twice', ['p:2', 'p:3', 'p:3'], 'p:3 where p:2 follows'],
  ['one that is not stored', ['p:9'], 'p:9, which is not stored'],
  ['one after the end', ['p:4', 'p:1'], 'p:1 where the end of the stored follows'],
])('%s is found', (_, stretch, problem) => {
  expect(checkStretch(stretch, rows)).toEqual([`a subscriber of the cloud got ${problem}`]);
});
