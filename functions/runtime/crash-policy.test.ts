import { expect, test } from '@jest/globals';
import { afterCrash, crashPolicy, noCrashes, pauseLeftMs, type CrashRecord } from './crash-policy.ts';

const crash = (record: CrashRecord, times: readonly number[]) => times.reduce(afterCrash, record);

test('the third death within the window gives a function a host of its own', () => {
  expect(crash(noCrashes, [0, 1]).placement).toBe('shared');
  expect(crash(noCrashes, [0, 1, 2]).placement).toBe('own');
});

test('deaths far apart change nothing', () => {
  const far = crashPolicy.windowMs;
  expect(crash(noCrashes, [0, far, 2 * far, 3 * far]).placement).toBe('shared');
});

test('three more in its own host stop it, each time for twice as long, up to a bound', () => {
  const own = crash(noCrashes, [0, 1, 2]);
  const first = crash(own, [10, 11, 12]);
  expect(pauseLeftMs(first, 12)).toBe(crashPolicy.minPauseMs);
  expect(pauseLeftMs(first, 12 + crashPolicy.minPauseMs)).toBe(0);
  const second = crash(first, [100_000, 100_001, 100_002]);
  expect(pauseLeftMs(second, 100_002)).toBe(2 * crashPolicy.minPauseMs);
  const many = crash({ ...second, opened: 40 }, [200_000, 200_001, 200_002]);
  expect(pauseLeftMs(many, 200_002)).toBe(crashPolicy.maxPauseMs);
});
