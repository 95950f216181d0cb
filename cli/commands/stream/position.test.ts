import { expect, test } from '@jest/globals';
import { parsePosition } from './position.ts';

test.each([
  ['0', { kind: 'offset', seq: 0 }],
  ['120', { kind: 'offset', seq: 120 }],
  ['-1h', { kind: 'ago', ms: 3_600_000 }],
  ['oldest', { kind: 'oldest' }],
  ['newest', { kind: 'newest' }],
  ['2026-05-01', { kind: 'time', since: '2026-05-01T00:00:00.000Z' }],
  ['2026-05-01T06:00', { kind: 'time', since: '2026-05-01T06:00:00.000Z' }],
  ['2026-05-01 06:00:01.5', { kind: 'time', since: '2026-05-01T06:00:01.500Z' }],
  ['2026-05-01T06:00:00+02:00', { kind: 'time', since: '2026-05-01T04:00:00.000Z' }],
])('%s is a position', (text, position) => {
  expect(parsePosition(text)).toEqual(position);
});

test.each(['', 'x', '-', '-1', '1h', '2026-13-01', '2026-05-01T25:00', '99999999999999999'])(
  '%j is none',
  (text) => {
    expect(() => parsePosition(text)).toThrow('Give an offset, a time');
  },
);
