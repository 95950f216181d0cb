import { expect, test } from '@jest/globals';
import { parseMoment } from './parse-moment.ts';

const nowMs = Date.UTC(2026, 0, 2, 3);

test.each([
  ['-1h', '2026-01-02T02:00:00.000Z'],
  ['2d', '2025-12-31T03:00:00.000Z'],
  ['2026-01-01', '2026-01-01T00:00:00.000Z'],
  ['2026-01-01T12:00:00+02:00', '2026-01-01T10:00:00.000Z'],
  ['2026-01-01T12:00', '2026-01-01T12:00:00.000Z'],
])('%s is the moment %s', (text, moment) => {
  expect(parseMoment(text, nowMs)).toBe(moment);
});

test.each(['', '-', 'yesterday', '2026-13-01', '5000w', '12'])('"%s" is no moment', (text) => {
  expect(() => parseMoment(text, nowMs)).toThrow('Give a time');
});
