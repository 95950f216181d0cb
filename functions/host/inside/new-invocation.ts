import type { Invocation } from './types.ts';

/** An invocation whose handler is about to be called. Written out: to put it together of parts is as much work as all of its counting. */
export function newInvocation({
  id,
  label,
  deadline,
  isRequest,
}: Pick<Invocation, 'id' | 'label' | 'deadline' | 'isRequest'>): Invocation {
  return {
    id,
    label,
    deadline,
    isRequest,
    failed: undefined,
    whenWorkFails: undefined,
    ended: false,
    open: 1,
    answer: undefined,
    noRetry: false,
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
