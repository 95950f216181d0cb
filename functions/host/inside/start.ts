import type { makeCalls, makeEnv, makeTimers } from './bridge.ts';
import type { makeConsole } from './console.ts';
import type { makeBase64, makeCrypto, makeEncodingClasses, makeStructuredClone } from './globals.ts';
import type { EventHeader, findHandlers, Handlers, makeEvent } from './handlers.ts';
import type { takeSafe } from './safe.ts';
import type { makeText } from './text.ts';
import type { Enter, Invocation, Random, Safe, Send, Setup } from './types.ts';

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
  makeEnding: typeof makeEnding;
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
  const now = Date.now.bind(Date);
  const live = safe.empty() as Record<number, Invocation | undefined>;
  let current: Invocation | undefined;
  let handlers: Handlers | undefined;
  const calls = parts.makeCalls(safe, send, limits);
  const timers = parts.makeTimers(send, limits, () => (current?.ended === false ? current : undefined));
  const ending = parts.makeEnding(safe, send, limits);
  const globals = {
    console: parts.makeConsole((level, message) => ending.log(current, level, message)),
    ...timers.globals,
    ...parts.makeEncodingClasses(text),
    ...parts.makeBase64(),
    crypto: Object.freeze(parts.makeCrypto(random)),
    structuredClone: parts.makeStructuredClone(),
    queueMicrotask: (work: () => void) => safe.whenSettled(undefined, work, () => undefined),
    self: globalThis,
  };
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  }
  const invoke = (id: number, headerJson: string, payload: Uint8Array) => {
    const { event, label, timeoutMs } = safe.parse(headerJson) as {
      event: EventHeader;
      label: string;
      timeoutMs: number;
    };
    const invocation = ending.begin(id, label, now() + timeoutMs);
    live[id] = current = invocation;
    const env = parts.makeEnv(safe, text, calls.call, setup.bindings, invocation);
    const context = {
      invocation: label,
      awsRequestId: label,
      functionName: setup.name,
      memoryLimitInMB: `${setup.memoryMb}`,
      env,
      getRemainingTimeInMillis: () => Math.max(0, invocation.deadline - now()),
      waitUntil: (work: unknown) => ending.waitUntil(invocation, work),
    };
    try {
      const outcome = handlers?.call(event.kind, parts.makeEvent(safe, text, event, payload), env, context);
      if (outcome) ending.finishWith(invocation, outcome.value);
      else
        ending.fail(
          invocation,
          'noHandler',
          `There is no handler for ${event.kind}; the bundle has ${handlers?.names.join(', ') || 'none'}`,
        );
    } catch (error) {
      ending.failWith(invocation, error);
    }
  };
  const enter: Enter = (op, invocationId, id, body, bytes) => {
    if (op === 'invoke') return invoke(invocationId, body, bytes ?? new Uint8Array(0));
    const invocation = live[invocationId];
    if (!invocation) return;
    current = invocation;
    if (op === 'reply') return calls.reply(id, body, bytes);
    if (op === 'fire') return timers.fire(id);
    invocation.ended = true;
    calls.forget(invocation);
    timers.forget(invocation);
    delete live[invocationId];
  };
  const load = (exports: Record<string, unknown>) => {
    handlers = parts.findHandlers(safe, exports);
    return safe.stringify(handlers.names) ?? '[]';
  };
  return { load, enter };
}

/** How an invocation begins, logs and ends. */
export function makeEnding(safe: Safe, send: Send, limits: Setup['limits']) {
  const begin = (id: number, label: string, deadline: number): Invocation => ({
    id,
    label,
    deadline,
    ended: false,
    open: 1,
    value: undefined,
    calls: 0,
    waiting: 0,
    timers: 0,
    lines: 0,
    chars: 0,
    dropped: 0,
  });
  const log = (invocation: Invocation | undefined, level: string, message: string) => {
    if (!invocation || invocation.ended) return;
    if (invocation.lines >= limits.logLines || invocation.chars >= limits.logChars) {
      invocation.dropped++;
      return;
    }
    const line = message.length > limits.logLineChars ? `${message.slice(0, limits.logLineChars)}…` : message;
    invocation.lines++;
    invocation.chars += line.length;
    send('log', invocation.id, 0, `${level}:${line}`);
  };
  const end = (invocation: Invocation, op: 'done' | 'fail', text: string) => {
    if (invocation.ended) return;
    invocation.ended = true;
    if (invocation.dropped > 0)
      send('log', invocation.id, 0, `warn:${invocation.dropped} more log lines were dropped`);
    send(op, invocation.id, 0, text);
  };
  const fail = (invocation: Invocation, code: string, message: string, stack = '') =>
    end(invocation, 'fail', safe.stringify({ code, message, stack }) ?? '{}');
  const failWith = (invocation: Invocation, error: unknown) => {
    const { name, message, stack, denied } = safe.describe(error, limits.errorChars);
    fail(
      invocation,
      denied ? 'denied' : 'threw',
      name && message ? `${name}: ${message}` : name || message,
      stack,
    );
  };
  const settle = (invocation: Invocation) => {
    invocation.open--;
    if (invocation.open > 0 || invocation.ended) return;
    try {
      const json = safe.stringify(invocation.value) ?? '';
      if (json.length <= limits.resultBytes) end(invocation, 'done', json);
      else
        fail(
          invocation,
          'resultTooLarge',
          `The result is ${json.length} characters of JSON; the limit is ${limits.resultBytes} bytes`,
        );
    } catch (error) {
      failWith(invocation, error);
    }
  };
  const finishWith = (invocation: Invocation, value: unknown) =>
    safe.whenSettled(
      value,
      (result) => {
        invocation.value = result;
        settle(invocation);
      },
      (error) => failWith(invocation, error),
    );
  const waitUntil = (invocation: Invocation, work: unknown) => {
    if (invocation.ended) throw new Error('waitUntil after the invocation has ended');
    if (invocation.open > limits.waitUntil)
      throw new Error(`More than ${limits.waitUntil} waitUntil at a time`);
    invocation.open++;
    safe.whenSettled(
      work,
      () => settle(invocation),
      (error) => failWith(invocation, error),
    );
  };
  return { begin, log, fail, failWith, finishWith, waitUntil };
}
