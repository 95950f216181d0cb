import { expect, test } from '@jest/globals';
import { pageSpan, WaitingBits } from './waiting-bits.ts';

test('each event waits until it is taken, once', () => {
  const bits = new WaitingBits(1000);
  for (const id of [1000, 993, 992, 1000 - pageSpan + 1]) bits.add(id);
  expect(bits.count).toBe(4);
  expect([1000, 999, 993, 992, 489].map((id) => bits.has(id))).toEqual([true, false, true, true, true]);
  expect([bits.remove(993), bits.remove(993), bits.remove(999)]).toEqual([true, false, false]);
  expect([bits.count, bits.isEmpty]).toEqual([3, false]);
  for (const id of [1000, 992, 489]) bits.remove(id);
  expect([bits.count, bits.isEmpty]).toEqual([0, true]);
});

test('what lies outside of the page does not wait in it', () => {
  const full = new WaitingBits(1000, new Uint8Array(pageSpan / 8).fill(0xff));
  expect([1001, 1000, 1000 - pageSpan + 1, 1000 - pageSpan, 0].map((id) => full.has(id))).toEqual([
    ...[false, true, true],
    ...[false, false],
  ]);
  expect(full.count).toBe(pageSpan);
});

test('what lies outside of the page cannot be made to wait in it', () => {
  const bits = new WaitingBits(1000);
  for (const id of [1001, 1000 - pageSpan, 0, Number.NaN]) expect(() => bits.add(id)).toThrow(RangeError);
  expect([bits.isEmpty, bits.bytes.byteLength]).toEqual([true, pageSpan / 8]);
});

test('a change keeps the length: it is written in its place', () => {
  const bits = new WaitingBits(7);
  bits.add(7);
  bits.remove(7);
  expect(bits.bytes.byteLength).toBe(pageSpan / 8);
});
