import type { Invocation, Limits, Safe, Send } from './types.ts';

/** How often it is looked whether anything of an invocation is still under way. */
const idleCheckMs = 10;

type Timer = {
  owner: Invocation;
  work: (...args: unknown[]) => unknown;
  args: unknown[];
  everyMs: number | undefined;
  /** Set by us: the tenant cannot clear it. */
  ours: boolean;
};

/** setTimeout and its kin; the host keeps the clock, and forgets the timers of an invocation that ends. */
export function makeTimers(safe: Safe, send: Send, limits: Limits, running: () => Invocation | undefined) {
  const timers = safe.empty() as Record<number, Timer | undefined>;
  const { max, min } = Math;
  const number = Number;
  let last = 0;
  const start = (work: unknown, delayMs: unknown, args: unknown[], repeat: boolean) => {
    const owner = running();
    if (!owner) throw new Error('Timers are there only while an event is handled');
    if (typeof work !== 'function') throw new TypeError('A timer needs a function');
    if (owner.timers >= limits.timers) throw new Error(`More than ${limits.timers} timers at a time`);
    if (owner.timersSet >= limits.timersSet)
      throw new Error(`More than ${limits.timersSet} timers set in one invocation`);
    const ms = max(0, min(number(delayMs) || 0, 86_400_000));
    last++;
    owner.timers++;
    owner.timersSet++;
    timers[last] = {
      owner,
      work: work as Timer['work'],
      args,
      everyMs: repeat ? ms : undefined,
      ours: false,
    };
    send('timer', owner.id, last, `${ms}`);
    return last;
  };
  const clear = (id: unknown) => {
    // Once: what the tenant gives may be another text each time it is asked.
    const key = number(id);
    const timer = timers[key];
    if (!timer || timer.ours) return;
    safe.drop(timers, key);
    timer.owner.timers--;
    send('clear', timer.owner.id, key, '');
  };
  const fire = (id: number) => {
    const timer = timers[id];
    if (!timer) return;
    if (timer.everyMs === undefined) {
      safe.drop(timers, id);
      timer.owner.timers--;
    } else send('timer', timer.owner.id, id, `${max(1, timer.everyMs)}`);
    safe.apply(timer.work, undefined, timer.args);
  };
  /** These checks are ours: they are not counted against the invocation. */
  const whenIdle = (owner: Invocation, work: () => void) => {
    last++;
    const id = last;
    const check = () => {
      if (owner.waiting > 0 || owner.timers > 0) return;
      safe.drop(timers, id);
      send('clear', owner.id, id, '');
      work();
    };
    timers[id] = { owner, work: check, args: [], everyMs: idleCheckMs, ours: true };
    send('timer', owner.id, id, '0');
  };
  const forget = (owner: Invocation) => {
    for (const id in timers) if (timers[id]?.owner === owner) safe.drop(timers, id);
  };
  const globals = {
    setTimeout: (work: unknown, delayMs?: unknown, ...args: unknown[]) => start(work, delayMs, args, false),
    setInterval: (work: unknown, delayMs?: unknown, ...args: unknown[]) => start(work, delayMs, args, true),
    clearTimeout: clear,
    clearInterval: clear,
  };
  return { globals, fire, forget, whenIdle };
}
