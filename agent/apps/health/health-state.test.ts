import { expect, test } from '@jest/globals';
import { afterCheck, paceMs, startingHealth, type HealthState } from './health-state.ts';

const limits = { ageMs: 10, grace: 1000, failures: 3 };
const good = { isGood: true, text: 'answered 200' };
const bad = { isGood: false, text: 'answered 500' };

const after = (checks: readonly (typeof good)[], ageMs = 10): HealthState =>
  checks.reduce((state, check) => afterCheck(state, check, { ...limits, ageMs }), startingHealth);

test('the first good check makes it well, however many failed before within the grace', () => {
  expect(after([bad, bad, bad, bad])).toMatchObject({ verdict: 'starting', failures: 0 });
  expect(after([bad, bad, bad, bad, good])).toMatchObject({ verdict: 'well', last: good });
});

test('no good check within the grace makes it unhealthy', () => {
  expect(after([bad], 1000)).toMatchObject({ verdict: 'unhealthy', last: bad });
  expect(after([good], 1000).verdict).toBe('well');
});

test('so many bad ones in a row make it unhealthy, and one good one begins the count anew', () => {
  expect(after([good, bad, bad])).toMatchObject({ verdict: 'well', failures: 2 });
  expect(after([good, bad, bad, good, bad, bad]).verdict).toBe('well');
  expect(after([good, bad, bad, bad]).verdict).toBe('unhealthy');
  expect(after([good, bad, bad, bad, good]).verdict).toBe('unhealthy');
});

test('checks are quick at the start, slower the longer it takes, and as told when it is well', () => {
  const paces = [0, 1, 5, 50].map((count) => paceMs(startingHealth, count, 10_000));
  expect(paces).toEqual([25, 33, 93, 1000]);
  expect(paceMs(startingHealth, 50, 100)).toBe(100);
  expect(paceMs(after([good]), 0, 10_000)).toBe(10_000);
});
