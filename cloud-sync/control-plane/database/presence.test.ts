import { expect, test } from '@jest/globals';
import { presenceCounts, type Presence } from './presence.ts';

const said = (session: number, online: boolean, serial = 'new'): Presence => ({
  serial,
  online,
  session,
  boot: 'b',
  agent: '0.1.0',
});

test('the first word of a device counts', () => {
  expect(presenceCounts(undefined, said(1, false))).toBe(true);
});

test('offline counts for the session it is about, and for a later one', () => {
  expect(presenceCounts(said(3, true), said(3, false))).toBe(true);
  expect(presenceCounts(said(3, true), said(4, false))).toBe(true);
});

test('offline of an older session is ignored', () => {
  expect(presenceCounts(said(3, true), said(2, false))).toBe(false);
});

test('offline of a replaced certificate is ignored, whatever its session', () => {
  expect(presenceCounts(said(1, true), said(9, false, 'old'))).toBe(false);
});

test('online counts also when the device lost count of its sessions', () => {
  expect(presenceCounts(said(9, true), said(1, true))).toBe(true);
});
