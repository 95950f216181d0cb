import { expect, test } from '@jest/globals';
import { unixNano } from './otlp-value.ts';

test.each([
  ['1970-01-01T00:00:00.001Z', '1000000'],
  ['2026-01-02T03:04:05.678Z', '1767323045678000000'],
  ['0000-01-01T00:00:00Z', '0'],
  ['9999-12-31T23:59:59.999Z', '9223372036854000000'],
])('%s is a time that a collector can read: %s ns', (time, nanoseconds) => {
  expect(unixNano(time)).toBe(nanoseconds);
  expect(BigInt(nanoseconds)).toBeLessThan(2n ** 63n);
});
