import type { Call, Invocation, Limits, Reply, Safe, Send, Text } from './types.ts';

/** Binding calls that wait for the host, keyed by a number. */
export function makeCalls(safe: Safe, send: Send, limits: Limits) {
  type Waiting = {
    readonly owner: Invocation;
    readonly resolve: (reply: Reply) => void;
    readonly reject: (error: unknown) => void;
  };
  const waiting = safe.empty() as Record<number, Waiting>;
  const NativePromise = Promise;
  let last = 0;

  const refusal = (owner: Invocation, json: string, bytes: Uint8Array | undefined) => {
    if (owner.ended)
      return 'this invocation has ended: use the env given to the running one, and await every call';
    if (owner.waiting >= limits.pendingCalls) return `more than ${limits.pendingCalls} calls wait at a time`;
    if (owner.calls >= limits.calls) return `more than ${limits.calls} calls in one invocation`;
    if (json.length > limits.callArgsChars)
      return `its arguments are larger than ${limits.callArgsChars} characters`;
    if (bytes && bytes.length > limits.callBytes)
      return `${bytes.length} bytes; the limit is ${limits.callBytes}`;
    return undefined;
  };
  const call: Call = (owner, binding, method, args, bytes) =>
    new NativePromise((resolve, reject) => {
      const json = safe.stringify({ binding, method, args }) ?? '';
      const problem = refusal(owner, json, bytes);
      if (problem !== undefined) throw new Error(`env.${binding}.${method} is refused: ${problem}`);
      owner.waiting++;
      owner.calls++;
      last++;
      waiting[last] = { owner, resolve, reject };
      send('call', owner.id, last, json, bytes);
    });
  const reply = (id: number, text: string, bytes: Uint8Array | undefined) => {
    const entry = waiting[id];
    if (!entry) return;
    safe.drop(waiting, id);
    entry.owner.waiting--;
    const { ok, json, code, message } = safe.parse(text) as {
      ok: boolean;
      json?: unknown;
      code?: string;
      message?: string;
    };
    if (ok) entry.resolve({ json, bytes });
    else entry.reject(Object.assign(new Error(message), { code }));
  };
  const forget = (owner: Invocation) => {
    for (const id in waiting) if (waiting[id]?.owner === owner) safe.drop(waiting, id);
  };
  return { call, reply, forget };
}

/** `env` of one invocation: exactly the bindings the manifest names. */
export function makeEnv(
  safe: Safe,
  text: Text,
  call: Call,
  kinds: Readonly<Record<string, string>>,
  owner: Invocation,
) {
  const encode = (value: unknown): { bytes: Uint8Array; contentType: string } => {
    const bytes = safe.bytesOf(value);
    if (bytes) return { bytes, contentType: 'application/octet-stream' };
    if (typeof value === 'string')
      return { bytes: text.encode(value), contentType: 'text/plain; charset=utf-8' };
    return { bytes: text.encode(toJson(value)), contentType: 'application/json' };
  };
  const toJson = (value: unknown) => {
    const json = safe.stringify(value);
    if (json === undefined)
      throw new TypeError(`${typeof value} is not a value that JSON or bytes can carry`);
    return json;
  };
  const publisher = (name: string) => ({
    async publish(value: unknown, { topic, retain, qos, contentType }: Record<string, unknown> = {}) {
      const encoded = encode(value);
      const args = { topic, retain, qos, contentType: contentType ?? encoded.contentType };
      await call(owner, name, 'publish', args, encoded.bytes);
    },
  });
  const decode = (bytes: Uint8Array, as: unknown) => {
    if (as === 'bytes') return bytes;
    const decoded = text.decode(bytes);
    return as === 'text' ? decoded : safe.parse(decoded);
  };
  const keyValue = (name: string) => ({
    async get(key: string, { as }: { as?: unknown } = {}) {
      const { bytes } = await call(owner, name, 'get', { key });
      return bytes && decode(bytes, as);
    },
    async put(key: string, value: unknown) {
      await call(owner, name, 'put', { key }, safe.bytesOf(value) ?? text.encode(toJson(value)));
    },
    async delete(key: string) {
      await call(owner, name, 'delete', { key });
    },
    async list({ prefix, limit }: { prefix?: string; limit?: number } = {}) {
      return (await call(owner, name, 'list', { prefix, limit })).json;
    },
  });
  const env = safe.empty();
  for (const name in kinds)
    env[name] = Object.freeze(kinds[name] === 'kv' ? keyValue(name) : publisher(name));
  return Object.freeze(env);
}

/** setTimeout and its kin; the host keeps the clock, and forgets the timers of an invocation that ends. */
export function makeTimers(safe: Safe, send: Send, limits: Limits, running: () => Invocation | undefined) {
  type Timer = {
    owner: Invocation;
    work: (...args: unknown[]) => unknown;
    args: unknown[];
    everyMs: number | undefined;
  };
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
    timers[last] = { owner, work: work as Timer['work'], args, everyMs: repeat ? ms : undefined };
    send('timer', owner.id, last, `${ms}`);
    return last;
  };
  const clear = (id: unknown) => {
    const timer = timers[id as number];
    if (!timer) return;
    safe.drop(timers, id as number);
    timer.owner.timers--;
    send('clear', timer.owner.id, id as number, '');
  };
  const fire = (id: number) => {
    const timer = timers[id];
    if (!timer) return;
    if (timer.everyMs === undefined) {
      safe.drop(timers, id);
      timer.owner.timers--;
    } else send('timer', timer.owner.id, id, `${max(1, timer.everyMs)}`);
    Reflect.apply(timer.work, undefined, timer.args);
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
  return { globals, fire, forget };
}
