import { makeCalls } from './calls.ts';
import { makeEnding, makeLog } from './ending.ts';
import { makeGlobals } from './globals.ts';
import { makeInvoke } from './invoke.ts';
import { takeSafe } from './safe.ts';
import { findShape } from './shapes/find-shape.ts';
import type { Shape } from './shapes/shape.ts';
import { tameGlobals } from './tame-globals.ts';
import { makeText } from './text.ts';
import { makeTimers } from './timers.ts';
import { defineGlobals } from './web/define-globals.ts';
import { connect, type Ask } from './web/ports.ts';
import { reportException } from './web/report-error.ts';
import type { Enter, Invocation, Send, Setup } from './types.ts';

/** Sets up the globals; gives the host the two functions by which it enters the isolate. */
export function start(
  send: Send,
  ask: Ask,
  setupJson: string,
): { load: (exports: Record<string, unknown>) => string; enter: Enter } {
  tameGlobals();
  const safe = takeSafe();
  const setup = safe.parse(setupJson) as Setup;
  const { limits } = setup;
  const text = makeText();
  const live = safe.empty() as Record<number, Invocation | undefined>;
  let current: Invocation | undefined;
  let shape: Shape | undefined;
  const calls = makeCalls(safe, send, limits);
  const running = () => (current?.ended === false ? current : undefined);
  const timers = makeTimers(safe, send, limits, running);
  const { log, close } = makeLog(send, limits);
  const forget = (invocation: Invocation) => {
    calls.forget(invocation);
    timers.forget(invocation);
    safe.drop(live, invocation.id);
  };
  const ending = makeEnding(safe, send, limits, (invocation) => {
    close(invocation);
    forget(invocation);
  });
  connect({
    ask,
    work: async (...job) => {
      const owner = running();
      if (!owner) throw new Error('crypto.subtle is there only while an event is handled');
      return calls.work(owner, ...job);
    },
    log: (level, message) => log(current, level, message),
    report: reportException,
    setTimeout: timers.globals.setTimeout,
    clearTimeout: timers.globals.clearTimeout,
    timeOriginMs: Date.now(),
  });
  defineGlobals({ ...timers.globals, ...makeGlobals(setup, calls.call, running) });
  const now = Date.now.bind(Date);
  const invoke = makeInvoke({ safe, text, setup, ending, now, call: calls.call });

  const enter: Enter = (op, invocationId, id, body, bytes) => {
    if (op === 'invoke') {
      invoke(invocationId, body, bytes ?? new Uint8Array(0), shape, (invocation) => {
        live[invocationId] = current = invocation;
      });
      return;
    }
    const invocation = live[invocationId];
    if (!invocation) return;
    current = invocation;
    if (op === 'reply') calls.reply(id, body, bytes);
    else if (op === 'fire') timers.fire(id);
    else {
      invocation.ended = true;
      forget(invocation);
    }
  };
  const load = (exports: Record<string, unknown>) => {
    const { waitUntil } = ending;
    shape = findShape({ safe, text, setup, waitUntil, now, whenIdle: timers.whenIdle }, exports);
    return safe.stringify(shape.names) ?? '[]';
  };
  return { load, enter };
}
