import { describe, expect, test } from '@jest/globals';
import {
  firstState,
  next,
  startDelays,
  steadyMs,
  type AppEvent,
  type AppState,
  type End,
} from './app-state.ts';

const crash: End = { kind: 'exited', isGood: false, text: 'exited with code 1', ranMs: 10 };
const done: End = { kind: 'exited', isGood: true, text: 'exited with code 0', ranMs: 10 };
const ill: End = { kind: 'unhealthy', isGood: false, text: 'is not well', ranMs: 10 };

function after(
  events: readonly AppEvent[],
  { restart = 'always', nowMs = 0, from = firstState(0) }: Partial<Given> = {},
): AppState {
  return events.reduce((state, event) => next(state, event, { nowMs, restart, random: () => 0 }), from);
}
type Given = { restart: 'always' | 'on-failure' | 'never'; nowMs: number; from: AppState };

const run: readonly AppEvent[] = [{ kind: 'ready' }, { kind: 'launched' }, { kind: 'well' }];
const round = (end: End): readonly AppEvent[] => [...run, { kind: 'ended', end }, { kind: 'due' }];

describe('an app', () => {
  test('is well when it was found so', () => {
    expect(after(run.slice(0, 2)).phase).toMatchObject({ kind: 'running', isWell: false });
    expect(after(run).phase).toMatchObject({ kind: 'running', isWell: true });
  });

  test.each([
    ['always', crash, 'backingOff'],
    ['always', done, 'backingOff'],
    ['on-failure', crash, 'backingOff'],
    ['on-failure', done, 'ended'],
    ['never', crash, 'ended'],
    ['never', done, 'ended'],
  ] as const)('with restart %s that ended (%j) is %s', (restart, end, kind) => {
    expect(after([...run, { kind: 'ended', end }], { restart }).phase.kind).toBe(kind);
  });

  test('waits longer after each quick end, up to a bound, and anew after a steady run', () => {
    const delays = (rounds: number, end = crash) => {
      const events = [...Array.from({ length: rounds }).flatMap(() => round(crash)), ...run];
      const { phase } = after([...events, { kind: 'ended', end }]);
      return phase.kind === 'backingOff' ? phase.untilMs : Number.NaN;
    };
    expect([0, 1, 2, 20].map((rounds) => delays(rounds))).toEqual([
      250,
      500,
      1000,
      startDelays.maxDelayMs / 2,
    ]);
    expect(delays(20, { ...crash, ranMs: steadyMs })).toBe(250);
  });

  test('counts restarts', () => {
    expect(after([...round(crash), ...round(crash)]).restarts).toBe(2);
    expect(after(run).restarts).toBe(0);
  });

  test('that is not well is stopped before it may start again', () => {
    const ailing = after([...run, { kind: 'ended', end: ill }]);
    expect(ailing.phase).toEqual({ kind: 'ailing', end: ill });
    expect(after([{ kind: 'gone' }], { from: ailing }).phase.kind).toBe('backingOff');
    expect(after([{ kind: 'gone' }], { from: ailing, restart: 'never' }).phase.kind).toBe('ended');
  });

  test('remembers since when it waits for one kind of thing', () => {
    const port = (message: string): AppEvent => ({ kind: 'blocked', obstacle: { kind: 'port', message } });
    const first = after([port('8080')], { nowMs: 5 });
    expect(after([port('8081')], { nowMs: 9, from: first }).phase).toMatchObject({ sinceMs: 5 });
    const secret: AppEvent = { kind: 'blocked', obstacle: { kind: 'secret', message: 'key' } };
    expect(after([secret], { nowMs: 9, from: first }).phase).toMatchObject({ sinceMs: 9 });
  });

  test('stopped by hand starts without a delay', () => {
    const stopped = after([...run, { kind: 'stopping' }, { kind: 'stopped', by: 'operator' }]);
    expect(stopped.phase).toEqual({ kind: 'stopped', by: 'operator' });
    expect(after([{ kind: 'due' }, ...run], { from: stopped }).phase.kind).toBe('running');
  });
});
