import { expect, test } from '@jest/globals';
import { retryAfterMs } from './registry-refusal.ts';

const now = () => Date.parse('2026-01-01T00:00:00Z');

test.each([
  ['0', 0],
  ['120', 120_000],
  ['Thu, 01 Jan 2026 00:00:05 GMT', 5000],
  ['Wed, 31 Dec 2025 23:00:00 GMT', 0],
  ['soon', undefined],
  ['-1 second', undefined],
  ['9'.repeat(80), undefined],
  [undefined, undefined],
])('Retry-After %j asks to wait %j ms', (header, waitMs) => {
  expect(retryAfterMs(header, now)).toBe(waitMs);
});
