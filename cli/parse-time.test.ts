import { expect, test } from '@jest/globals';
import { parseTime } from './parse-time.ts';

test.each([
  ['2026-01-01', '2026-01-01T00:00:00.000Z'],
  ['2026-01-01T12:00:00+02:00', '2026-01-01T10:00:00.000Z'],
  ['2026-01-01t12:00z', '2026-01-01T12:00:00.000Z'],
  ['2026-05-01 06:00:01.5', '2026-05-01T06:00:01.500Z'],
  ['2024-02-29', '2024-02-29T00:00:00.000Z'],
])('%s is %s', (text, time) => {
  expect(new Date(parseTime(text)).toISOString()).toBe(time);
});

test.each([
  '',
  'yesterday',
  '2026-13-01',
  '2026-02-29',
  '2026-01-32',
  '2026-05-01T25:00',
  '1969-12-31',
  '12',
])('%j is no time', (text) => {
  expect(parseTime(text)).toBeNaN();
});
