import { makeCalls, makeEnv, makeTimers } from './bridge.ts';
import { makeEnding, makeLog, type Ending } from './ending.ts';
import { installGlobals } from './globals.ts';
import { findHandlers, makeEvent, type EventHeader, type Handlers } from './handlers.ts';
import { takeSafe } from './safe.ts';
import { makeText } from './text.ts';
import type { Call, Enter, Invocation, Random, Safe, Send, Setup, Text } from './types.ts';

/** Sets up the globals; gives the host the two functions by which it enters the isolate. */
export function start(
  send: Send,
  random: Random,
  setupJson: string,
): { load: (exports: Record<string, unknown>) => string; enter: Enter } {
  const safe = takeSafe();
  const setup = safe.parse(setupJson) as Setup;
  const { limits } = setup;
  const text = makeText();
  const live = safe.empty() as Record<number, Invocation | undefined>;
  let current: Invocation | undefined;
  let handlers: Handlers | undefined;
  const calls = makeCalls(safe, send, limits);
  const timers = makeTimers(safe, send, limits, () => (current?.ended === false ? current : undefined));
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
  installGlobals({
    safe,
    text,
    random,
    timers: timers.globals,
    log: (...line) => log(current, ...line),
  });
  const invoke = makeInvoke({ safe, text, setup, ending, call: calls.call });

  const enter: Enter = (op, invocationId, id, body, bytes) => {
    if (op === 'invoke') {
      invoke(invocationId, body, bytes ?? new Uint8Array(0), handlers, (invocation) => {
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
    handlers = findHandlers(safe, exports);
    return safe.stringify(handlers.names) ?? '[]';
  };
  return { load, enter };
}

type InvokeTools = {
  readonly safe: Safe;
  readonly text: Text;
  readonly setup: Setup;
  readonly ending: Ending;
  readonly call: Call;
};

/** Calls the handler with the event, the env of this invocation and its context. */
function makeInvoke({ safe, text, setup, ending, call }: InvokeTools) {
  const now = Date.now.bind(Date);
  const noHandler = (kind: string, names: readonly string[]) =>
    `There is no handler for ${kind}; the bundle has ${names.length > 0 ? names.join(', ') : 'none'}`;

  return (
    id: number,
    headerJson: string,
    payload: Uint8Array,
    handlers: Handlers | undefined,
    begin: (invocation: Invocation) => void,
  ): void => {
    const { event, label, timeoutMs } = safe.parse(headerJson) as {
      readonly event: EventHeader;
      readonly label: string;
      readonly timeoutMs: number;
    };
    const counters = { calls: 0, waiting: 0, timers: 0, timersSet: 0, lines: 0, chars: 0, dropped: 0 };
    const deadline = now() + timeoutMs;
    const invocation: Invocation = {
      id,
      label,
      deadline,
      ended: false,
      open: 1,
      value: undefined,
      ...counters,
    };
    begin(invocation);
    const env = makeEnv(safe, text, call, setup.bindings, invocation);
    const context = {
      invocation: label,
      awsRequestId: label,
      functionName: setup.name,
      memoryLimitInMB: `${setup.memoryMb}`,
      env,
      getRemainingTimeInMillis: () => Math.max(0, deadline - now()),
      waitUntil: (work: unknown) => ending.waitUntil(invocation, work),
    };
    try {
      const outcome = handlers?.call(event.kind, makeEvent(safe, text, event, payload), env, context);
      if (outcome) ending.finishWith(invocation, outcome.value);
      else ending.fail(invocation, 'noHandler', noHandler(event.kind, handlers?.names ?? []));
    } catch (error) {
      ending.failWith(invocation, error);
    }
  };
}
