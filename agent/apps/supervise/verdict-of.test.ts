import { expect, test } from '@jest/globals';
import type { AppPhase, AppState, End, Obstacle } from './app-state.ts';
import { verdictOf } from './verdict-of.ts';

const trial = { endsBefore: 3, isReplacement: false, patienceMs: 1000 };
const crash: End = { kind: 'exited', isGood: false, text: 'exited with code 1', ranMs: 1 };
const done: End = { ...crash, isGood: true, text: 'exited with code 0' };

const stateOf = (phase: AppPhase, ends = 3, lastEnd?: End): AppState => ({
  ...{ phase, ends, quickEnds: 0, restarts: 0 },
  ...(lastEnd && { lastEnd }),
});
const running = (isWell: boolean): AppPhase => ({ kind: 'running', sinceMs: 0, isWell });
const waiting = (kind: Obstacle['kind']): AppPhase => ({
  ...{ kind: 'waiting', sinceMs: 0, obstacle: { kind, message: `waits for a ${kind}` } },
});
const kindOf = (state: AppState, more: Partial<typeof trial> = {}, nowMs = 0) =>
  verdictOf(state, { ...trial, ...more }, nowMs).kind;

test('an app is well when it runs and was found well, whatever it did before the trial', () => {
  expect(kindOf(stateOf(running(true), 3, crash))).toBe('well');
  expect(kindOf(stateOf(running(false)))).toBe('pending');
});

test('one crash during the trial is forgiven, two are not', () => {
  expect(kindOf(stateOf(running(true), 4, crash))).toBe('well');
  expect(kindOf(stateOf({ kind: 'backingOff', untilMs: 1 }, 4, crash))).toBe('pending');
  expect(kindOf(stateOf(running(true), 5, crash))).toBe('unhealthy');
});

test.each(['unhealthy', 'startFailed'] as const)('%s speaks against it at once', (kind) => {
  expect(verdictOf(stateOf(running(true), 4, { ...crash, kind }), trial, 0)).toEqual({
    kind: 'unhealthy',
    text: 'exited with code 1',
  });
});

test('what has ended is as well as its end, and what ends well again and again is well', () => {
  expect(kindOf(stateOf({ kind: 'ended', end: done }, 4, done))).toBe('well');
  expect(kindOf(stateOf({ kind: 'ended', end: crash }, 4, crash))).toBe('unhealthy');
  expect(kindOf(stateOf({ kind: 'backingOff', untilMs: 1 }, 9, done))).toBe('well');
});

test('a new app may wait for a secret; the successor of one that ran may not', () => {
  expect(kindOf(stateOf(waiting('secret')))).toBe('well');
  expect(kindOf(stateOf(waiting('secret')), { isReplacement: true })).toBe('unhealthy');
});

test('a port is waited for, but not for ever', () => {
  expect(kindOf(stateOf(waiting('port')), {}, 900)).toBe('pending');
  expect(kindOf(stateOf(waiting('port')), {}, 1100)).toBe('unhealthy');
  expect(kindOf(stateOf(waiting('predecessor')), {}, 1e6)).toBe('pending');
});

test('what an operator stopped is as it is to be', () => {
  expect(kindOf(stateOf({ kind: 'stopped', by: 'operator' }))).toBe('well');
  expect(kindOf(stateOf({ kind: 'stopped', by: 'halt' }))).toBe('pending');
});
