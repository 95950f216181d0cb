import { expect, test } from '@jest/globals';
import {
  afterCrash,
  crashPolicy,
  narrowSuspects,
  noCrashes,
  pauseLeftMs,
  type CrashRecord,
} from './crash-policy.ts';

const crash = (record: CrashRecord, times: readonly number[]) =>
  times.reduce((before, nowMs) => afterCrash(before, { nowMs, why: `died at ${nowMs}` }), record);

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

test('how it took its host down the last time is kept', () => {
  expect(crash(noCrashes, [0, 1]).why).toBe('died at 1');
  expect(crash(noCrashes, [0, 1, 2, 3, 4, 5]).why).toBe('died at 5');
});

test('suspects are those who were inside at every death', () => {
  const first = narrowSuspects([], ['a', 'killer', 'b']);
  expect(first).toEqual(['a', 'killer', 'b']);
  const second = narrowSuspects(first, ['c', 'killer', 'b']);
  expect(second).toEqual(['killer', 'b']);
  expect(narrowSuspects(second, ['killer', 'a'])).toEqual(['killer']);
});

test('deaths with nobody in common begin anew', () => {
  expect(narrowSuspects(['a'], ['b', 'c'])).toEqual(['b', 'c']);
});
