import { expect, test } from '@jest/globals';
import { grouped } from './grouped.ts';

test('a number is written in groups of three digits, whatever its length', () => {
  expect([0, 7, 999, 1_000, 48_668, 100_000, 1_234_567].map(grouped)).toEqual([
    '0',
    '7',
    '999',
    '1,000',
    '48,668',
    '100,000',
    '1,234,567',
  ]);
});
