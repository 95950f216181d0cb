import { expect, test } from '@jest/globals';
import { clockDoubt } from './clock-doubt.ts';

const nowMs = Date.parse('2025-10-19T09:55:00Z');

test('a certificate that is out of its time makes one look at the clock, another failure does not', () => {
  const doubt = (code: string) => clockDoubt(Object.assign(new Error('TLS'), { code }), nowMs);
  const told = 'The clock of this machine says 2025-10-19T09:55:00.000Z: set it if that is wrong.';
  expect(doubt('CERT_NOT_YET_VALID')).toBe(told);
  expect(doubt('CERT_HAS_EXPIRED')).toBe(told);
  expect(doubt('DEPTH_ZERO_SELF_SIGNED_CERT')).toBeUndefined();
  expect(clockDoubt(new Error('other'), nowMs)).toBeUndefined();
});
