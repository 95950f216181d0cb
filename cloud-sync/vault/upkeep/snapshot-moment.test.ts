import { expect, test } from '@jest/globals';
import type { Snapshot } from '../format/snapshot-document.ts';
import { orderMs } from './snapshot-moment.ts';

const nowMs = Date.parse('2026-11-21T12:00:00Z');
const hourMs = 3_600_000;

function taken(time: string, receivedMs: number | null): Snapshot {
  return { id: 'a'.repeat(64), document: { time } as Snapshot['document'], receivedMs };
}

test.each([
  ['what it says', '2026-11-20T12:00:00Z', nowMs, nowMs - 24 * hourMs],
  ['what it says, though our clock is a little behind', '2026-11-21T13:00:00Z', nowMs, nowMs + hourMs],
  ['when the store received it, where it claims a time to come', '2099-01-01T00:00:00Z', nowMs, nowMs],
  ['nothing, where it claims one and the store does not say', '2099-01-01T00:00:00Z', null, 0],
])('a snapshot is put in order by %s', (_, time, receivedMs, expected) => {
  expect(orderMs(taken(time, receivedMs), nowMs)).toBe(expected);
});
