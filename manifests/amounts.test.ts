import { describe, expect, test } from '@jest/globals';
import { readBytes, readBytesPerSecond, readDuration } from './amounts.ts';

describe('amounts', () => {
  test.each([
    ['1B', 1],
    ['32MiB', 2 ** 25],
    ['2MB', 2e6],
    ['1024TiB', 2 ** 50],
    ['0B', undefined],
    ['1025TiB', undefined],
    ['01B', undefined],
    ['5', undefined],
    ['5s', undefined],
    ['1.5GiB', undefined],
    [`${'1'.repeat(40)}B`, undefined],
  ])('%s of bytes are %p', (text, bytes) => expect(readBytes(text)).toBe(bytes));

  test.each([
    ['1ms', 1],
    ['5m', 300_000],
    ['5000w', 5000 * 604_800_000],
    ['5001w', undefined],
    ['0s', undefined],
    ['5 s', undefined],
    ['', undefined],
  ])('%j of time is %p', (text, ms) => expect(readDuration(text)).toBe(ms));

  test.each([
    ['64KiB/s', 65_536],
    ['1B/s', undefined],
    ['64KiB', undefined],
    ['64KiB/m', undefined],
  ])('%s is a rate of %p', (text, rate) => expect(readBytesPerSecond(text)).toBe(rate));
});
