import type { Invocation } from './types.ts';

type Counters = Pick<
  Invocation,
  'calls' | 'told' | 'toldChars' | 'waiting' | 'timers' | 'timersSet' | 'lines' | 'chars' | 'dropped'
>;

/** Of an invocation that has done nothing yet. */
export function newCounters(): Counters {
  return {
    calls: 0,
    told: 0,
    toldChars: 0,
    waiting: 0,
    timers: 0,
    timersSet: 0,
    lines: 0,
    chars: 0,
    dropped: 0,
  };
}
