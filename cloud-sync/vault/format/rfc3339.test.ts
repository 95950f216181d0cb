import { describe, expect, test } from '@jest/globals';
import { seededRandom } from '../../../test/support/random.ts';
import { nsOfRfc3339, rfc3339OfNs } from './rfc3339.ts';

describe('times are read to the nanosecond', () => {
  const times: [text: string, ns: bigint][] = [
    ['2026-11-21T18:23:51.056779707Z', 1_795_285_431_056_779_707n],
    ['1970-01-01T00:00:00Z', 0n],
    ['1970-01-01T01:00:00.5+01:00', 500_000_000n],
    ['1969-12-31T18:29:59.999999999-05:30', -1n],
    ['0001-01-01T00:00:00Z', -62_135_596_800_000_000_000n],
    ['9999-12-31T23:59:59.999999999Z', 253_402_300_799_999_999_999n],
  ];
  for (const [text, ns] of times) test(text, () => expect(nsOfRfc3339(text)).toBe(ns));
});

describe('times are written as Go does', () => {
  const times: [ns: bigint, text: string][] = [
    [-1n, '1969-12-31T23:59:59.999999999Z'],
    [120_000_000n, '1970-01-01T00:00:00.12Z'],
    [-1_000_000_000n, '1969-12-31T23:59:59Z'],
    // Beyond what a text can say.
    [10n ** 21n, '9999-12-31T23:59:59Z'],
    [-(10n ** 21n), '0000-01-01T00:00:00Z'],
  ];
  for (const [ns, text] of times) test(text, () => expect(rfc3339OfNs(ns)).toBe(text));
});

test('any time in the range comes back from its text', () => {
  const random = seededRandom(5);
  for (let round = 0; round < 2000; round += 1) {
    const seconds = BigInt(Math.floor(random() * 3e11) - 6e10);
    const ns = seconds * 1_000_000_000n + BigInt(Math.floor(random() * 1e9));
    const inRange = seconds <= 253_402_300_799n;
    if (inRange) expect(nsOfRfc3339(rfc3339OfNs(ns))).toBe(ns);
  }
});

test('what is no time is refused', () => {
  for (const text of [
    '',
    '2026-11-21',
    '2026-13-01T00:00:00Z',
    '2026-02-01T00:00:60Z',
    '2026-02-01T00:00:00',
    '1e3',
  ]) {
    expect(() => nsOfRfc3339(text)).toThrow(expect.objectContaining({ code: 'corrupt' }));
  }
});
