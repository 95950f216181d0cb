import { makeCalls, workOfRunning } from './calls.ts';
import { makeEnding, makeLog } from './ending.ts';
import { makeEnter } from './enter.ts';
import { makeGlobals } from './globals.ts';
import { makeInvoke } from './invoke.ts';
import { makeOpReader, type Op } from './ops.ts';
import { makeOutbox } from './outbox.ts';
import { takeSafe } from './safe.ts';
import { findShape } from './shapes/find-shape.ts';
import type { Shape } from './shapes/shape.ts';
import { tameGlobals } from './tame-globals.ts';
import { makeText } from './text.ts';
import { makeTimers } from './timers.ts';
import { defineGlobals } from './web/define-globals.ts';
import { connect, type Ask } from './web/ports.ts';
import { reportException } from './web/report-error.ts';
import type { Enter, Invocation, Post, Setup } from './types.ts';

/** Sets up the globals; gives the host the two functions by which it enters the isolate. */
export function start(
  later: Post,
  now: Post,
  ask: Ask,
  setupJson: string,
): { load: (exports: Record<string, unknown>) => string; enter: Enter } {
  tameGlobals();
  const safe = takeSafe();
  const setup = safe.parse(setupJson) as Setup;
  const { limits } = setup;
  const text = makeText();
  const outbox = makeOutbox({ later, now });
  const live = safe.empty() as Record<number, Invocation | undefined>;
  let current: Invocation | undefined;
  let shape: Shape | undefined;
  const calls = makeCalls(safe, outbox.send, limits);
  const running = () => (current?.ended === false ? current : undefined);
  const timers = makeTimers(safe, outbox.send, limits, running);
  const { log, close } = makeLog(outbox.send, limits);
  const forget = (invocation: Invocation) => {
    calls.forget(invocation);
    timers.forget(invocation);
    safe.drop(live, invocation.id);
  };
  const ending = makeEnding({
    ...{ safe, send: outbox.send, limits, log },
    close: (invocation) => {
      close(invocation);
      forget(invocation);
    },
  });
  connect({
    ask,
    work: workOfRunning(calls.work, running),
    log: (level, message) => log(current, level, message),
    report: reportException,
    setTimeout: timers.globals.setTimeout,
    clearTimeout: timers.globals.clearTimeout,
    timeOriginMs: Date.now(),
  });
  defineGlobals({ ...timers.globals, ...makeGlobals(setup, calls.call, running) });
  const clock = Date.now.bind(Date);
  const invoke = makeInvoke({ safe, text, setup, ending, now: clock, call: calls.call, tell: calls.tell });

  const perform = (op: Op): Invocation | undefined => {
    if (op.op === 'invoke') {
      invoke(op.invocation, op.header, op.payload, shape, (invocation) => {
        live[op.invocation] = current = invocation;
      });
      return current;
    }
    const invocation = live[op.invocation];
    if (!invocation) return undefined;
    current = invocation;
    if (op.op === 'reply') calls.reply(op.call, op.answer, op.payload);
    else if (op.op === 'fire') timers.fire(op.timer);
    else {
      invocation.ended = true;
      forget(invocation);
    }
    return invocation;
  };
  const enter = makeEnter({ readOps: makeOpReader(safe, text), perform, report: reportException, outbox });
  const load = (exports: Record<string, unknown>) => {
    const { waitUntil } = ending;
    shape = findShape({ safe, text, setup, waitUntil, now: clock, whenIdle: timers.whenIdle }, exports);
    return safe.stringify(shape.names) ?? '[]';
  };
  return { load, enter };
}
