import type { makeCalls, makeEnv, makeTimers } from './bridge.ts';
import type { makeConsole } from './console.ts';
import type { Ending, makeEnding, makeLog } from './ending.ts';
import type { makeBase64, makeCrypto, makeEncodingClasses, makeStructuredClone } from './globals.ts';
import type { EventHeader, findHandlers, Handlers, makeEvent } from './handlers.ts';
import type { takeSafe } from './safe.ts';
import type { makeText } from './text.ts';
import type { tameWebAssembly } from './web-assembly.ts';
import type { Call, Enter, Invocation, Random, Safe, Send, Setup, Text } from './types.ts';

export type Parts = {
  takeSafe: typeof takeSafe;
  makeText: typeof makeText;
  makeCalls: typeof makeCalls;
  makeEnv: typeof makeEnv;
  makeTimers: typeof makeTimers;
  makeConsole: typeof makeConsole;
  makeEncodingClasses: typeof makeEncodingClasses;
  makeBase64: typeof makeBase64;
  makeCrypto: typeof makeCrypto;
  makeStructuredClone: typeof makeStructuredClone;
  findHandlers: typeof findHandlers;
  makeEvent: typeof makeEvent;
  makeLog: typeof makeLog;
  makeEnding: typeof makeEnding;
  makeInvoke: typeof makeInvoke;
  installGlobals: typeof installGlobals;
  tameWebAssembly: typeof tameWebAssembly;
};

/** Sets up the globals; gives the host the two functions by which it enters the isolate. */
export function start(
  parts: Parts,
  send: Send,
  random: Random,
  setupJson: string,
): { load: (exports: Record<string, unknown>) => string; enter: Enter } {
  const safe = parts.takeSafe();
  const setup = safe.parse(setupJson) as Setup;
  const { limits } = setup;
  const text = parts.makeText();
  const live = safe.empty() as Record<number, Invocation | undefined>;
  let current: Invocation | undefined;
  let handlers: Handlers | undefined;
  const calls = parts.makeCalls(safe, send, limits);
  const timers = parts.makeTimers(safe, send, limits, () => (current?.ended === false ? current : undefined));
  const { log, close } = parts.makeLog(send, limits);
  const forget = (invocation: Invocation) => {
    calls.forget(invocation);
    timers.forget(invocation);
    safe.drop(live, invocation.id);
  };
  const ending = parts.makeEnding(safe, send, limits, (invocation) => {
    close(invocation);
    forget(invocation);
  });
  parts.installGlobals(parts, {
    safe,
    text,
    random,
    timers: timers.globals,
    log: (...line) => log(current, ...line),
  });
  const invoke = parts.makeInvoke(parts, { safe, text, setup, ending, call: calls.call });

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
    handlers = parts.findHandlers(safe, exports);
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
export function makeInvoke(parts: Parts, { safe, text, setup, ending, call }: InvokeTools) {
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
    const env = parts.makeEnv(safe, text, call, setup.bindings, invocation);
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
      const outcome = handlers?.call(event.kind, parts.makeEvent(safe, text, event, payload), env, context);
      if (outcome) ending.finishWith(invocation, outcome.value);
      else ending.fail(invocation, 'noHandler', noHandler(event.kind, handlers?.names ?? []));
    } catch (error) {
      ending.failWith(invocation, error);
    }
  };
}

type GlobalTools = {
  readonly safe: Safe;
  readonly text: Text;
  readonly random: Random;
  readonly timers: object;
  readonly log: (...line: [level: string, message: string]) => void;
};

/** What there is beside the language: console, timers, UTF-8, base64, random numbers, structuredClone, queueMicrotask. */
export function installGlobals(parts: Parts, { safe, text, random, timers, log }: GlobalTools): void {
  const globals = {
    console: parts.makeConsole(log),
    ...timers,
    ...parts.makeEncodingClasses(text),
    ...parts.makeBase64(),
    crypto: Object.freeze(parts.makeCrypto(random)),
    structuredClone: parts.makeStructuredClone(),
    queueMicrotask: (work: () => void) => safe.whenSettled(undefined, work, () => undefined),
    self: globalThis,
  };
  parts.tameWebAssembly();
  // Atomics is of use with shared memory only; the registry tells when the collector runs.
  for (const name of ['Atomics', 'SharedArrayBuffer', 'FinalizationRegistry']) {
    Reflect.deleteProperty(globalThis, name);
  }
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  }
}
