import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { errorMessage } from '../../../lib/error-code.ts';
import { readUpdate } from '../../../lib/shadow/shadow-request.ts';
import type { FunctionSpec } from '../../../manifests/function.ts';
import { FunctionError } from '../../function-error.ts';
import type { FunctionLog, InvocationEvent, InvocationResult } from '../../runtime/ports.ts';
import type { ShadowChange, ShadowDocument } from '../bindings.ts';
import { machineFunction } from './machine-function.ts';
import { memoryOutside, type MemoryOutsideOptions } from './memory-outside.ts';
import { MemoryState, type QueuedMessage, type StoredMessage } from './memory-state.ts';
import {
  encodeContent,
  fileEvent,
  messageEvent,
  queueEvent,
  requestEvent,
  scheduledEvent,
  type Content,
  type FileChange,
  type MessageOptions,
  type TestQueueMessage,
} from './events.ts';
import {
  LocalFunction,
  parseFunctionManifest,
  type FunctionManifest,
  type LocalFunctionOptions,
} from './local-function.ts';
import { refuseUntaken } from './taking-trigger.ts';

export type TestEnvironmentOptions = MemoryOutsideOptions &
  FunctionManifest & {
    /** The entry file of the function: it is built, and runs in the sandbox of devices with the limits of the manifest. */
    readonly entry?: string;
    /**
     * What the entry file exports, instead: it runs in this process, with its globals and console and without limits. For debuggers,
     * coverage and many small tests; keep some with `entry`.
     */
    readonly module?: Readonly<Record<string, unknown>>;
    /** A machine file to take triggers, bindings and limits from, instead of giving them here. */
    readonly machine?: string;
    /** Its name; needed when the machine file has several functions and none is called as the file or folder of the entry. */
    readonly name?: string;
    /** The first moment of the clock of this environment; default now. It moves by `advance` only. */
    readonly now?: Date;
  };

/** A message that the function published or sent to a queue. */
export type TestMessage<T> = Omit<T, 'payload' | 'body'> & {
  readonly bytes: Uint8Array;
  text(): string;
  /** Throws SyntaxError. */
  json(): unknown;
};

export type TestStore = {
  /** The value parsed as JSON, or undefined. */
  get(key: string): unknown;
  text(key: string): string | undefined;
  /** As the function's own `put` keeps it: byte arrays as they are, everything else as JSON. */
  put(key: string, value: unknown): void;
  keys(): string[];
};

export type TestShadow = {
  /** Undefined when there is none. */
  get(): ShadowDocument | undefined;
  /** As the cloud or a local client would change it. Throws FunctionError `badOptions` for what a device refuses. */
  update(state: ShadowChange): ShadowDocument;
};

/** Runs a function as a device does, with bindings that are kept in memory. Handlers that fail reject with FunctionError `threw`. */
export type TestEnvironment = AsyncDisposable & {
  message(topic: string, payload?: Content, options?: MessageOptions): Promise<unknown>;
  scheduled(cron?: string, time?: Date): Promise<unknown>;
  /** Bodies, or messages with more said about them. Resolves to the ids to deliver again, with their delays. */
  queue(
    name: string,
    messages: readonly (TestQueueMessage | string | Uint8Array)[],
  ): Promise<{ readonly retry: readonly { readonly id: string; readonly delayMs?: number | undefined }[] }>;
  file(change: FileChange): Promise<unknown>;
  /** A path is one of `http://localhost`. */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
  invoke(payload?: unknown): Promise<unknown>;
  /** In order. */
  readonly published: readonly TestMessage<StoredMessage>[];
  readonly sent: readonly TestMessage<QueuedMessage>[];
  readonly logs: readonly FunctionLog[];
  kv(store: string): TestStore;
  shadow(name: string): TestShadow;
  /** Moves the clock that values of key-value stores expire by, and shadows are stamped by. */
  advance(ms: number): void;
};

/**
 * Builds the function and loads it into the sandbox of devices, or takes its module as it is. `on`, `bindings` and `limits` are those of the manifest. With triggers an event
 * that none of them takes rejects with `noHandler`. Rejects with FunctionError `badOptions`, `buildFailed`, `badBundle`, `noHandler`, and
 * ManifestError when the machine file is wrong.
 */
export async function createTestEnvironment(options: TestEnvironmentOptions): Promise<TestEnvironment> {
  refuseUnknown(options);
  const { now = new Date(), machine, on } = options;
  const clock = { nowMs: now.getTime() };
  const state = new MemoryState(() => clock.nowMs);
  const logs: FunctionLog[] = [];
  const { name, spec } = await specOf(options);
  const { signal } = new AbortController();
  const surroundings = {
    name,
    spec,
    state,
    outside: memoryOutside(options),
    onLog: (log: FunctionLog) => logs.push(log),
  };
  const target = await openTarget(options, { ...surroundings, now: () => clock.nowMs }, signal);
  const hasTriggers = machine !== undefined || on !== undefined;
  const run = async (event: InvocationEvent) => {
    if (hasTriggers) refuseUntaken(name, spec.on, event);
    return await target.run(event, signal);
  };
  const cron = spec.on.find((trigger) => 'cron' in trigger)?.cron;
  return {
    ...deliveries(run, cron),
    logs,
    get published() {
      return state.published.map(({ payload, ...rest }) => messageOf(rest, payload));
    },
    get sent() {
      return state.queued.map(({ body, ...rest }) => messageOf(rest, body));
    },
    kv: (store) => storeOf(state, store),
    shadow: (name) => shadowOf(state, name),
    advance: (ms) => void (clock.nowMs += ms),
    [Symbol.asyncDispose]: () => target[Symbol.asyncDispose](),
  };
}

type Target = AsyncDisposable & Pick<LocalFunction, 'run'>;

async function openTarget(
  { entry, module }: TestEnvironmentOptions,
  surroundings: LocalFunctionOptions & { readonly now: () => number },
  signal: AbortSignal,
): Promise<Target> {
  if (module) {
    const { InProcessFunction } = await import('./in-process-function.ts');
    const opened = await InProcessFunction.open({ ...surroundings, exports: module });
    return { run: opened.run.bind(opened), [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  if (entry === undefined)
    throw new FunctionError('badOptions', 'Give the entry file of the function, or its module');
  const { buildBundle } = await import('../../bundle/build-bundle.ts');
  const built = await buildBundle({ entry, signal }).catch(rethrowWithoutOwnFrames);
  await using stack = new AsyncDisposableStack();
  const local = stack.use(await LocalFunction.open(surroundings));
  await local.deploy(built);
  stack.move();
  return local;
}

/** The message names places in the author's source; where in this program it was found out helps nobody. */
function rethrowWithoutOwnFrames(error: unknown): never {
  if (error instanceof FunctionError && error.code === 'buildFailed')
    error.stack = `FunctionError: ${error.message}`;
  throw error;
}

async function specOf(options: TestEnvironmentOptions): Promise<{ name: string; spec: FunctionSpec }> {
  const { entry, machine, name, on, bindings, limits } = options;
  if (machine !== undefined) {
    if (on ?? bindings ?? limits)
      throw new FunctionError('badOptions', 'Give a machine file, or on, bindings and limits, not both');
    const text = await readFile(machine, 'utf8').catch((cause: unknown) => {
      const message = `Cannot read the machine file ${machine}: ${errorMessage(cause)}`;
      throw new FunctionError('badOptions', message, { cause });
    });
    return machineFunction({ text, file: machine, entry, name });
  }
  const manifest = { ...(on && { on }), ...(bindings && { bindings }), ...(limits && { limits }) };
  try {
    return { name: name ?? 'function', spec: parseFunctionManifest(manifest) };
  } catch (cause) {
    if (!(cause instanceof z.ZodError)) throw cause;
    const problems = cause.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw new FunctionError('badOptions', `on, bindings or limits are wrong: ${problems.join('; ')}`, {
      cause,
    });
  }
}

const optionNames: Readonly<Record<keyof TestEnvironmentOptions, true>> = {
  ...{ entry: true, module: true, machine: true, name: true, now: true },
  ...{ on: true, bindings: true, limits: true, secrets: true, fetch: true, functions: true },
};

function refuseUnknown(options: TestEnvironmentOptions): void {
  const unknown = Object.keys(options).find((key) => !Object.hasOwn(optionNames, key));
  if (unknown === undefined) return;
  throw new FunctionError('badOptions', `createTestEnvironment has no option ${unknown}`, {
    hint: `It has ${Object.keys(optionNames).join(', ')}.`,
  });
}

type Deliveries = Pick<TestEnvironment, 'message' | 'scheduled' | 'queue' | 'file' | 'fetch' | 'invoke'>;

/** `firstCron`: the schedule of a run that names none. */
function deliveries(
  run: (event: InvocationEvent) => Promise<InvocationResult>,
  firstCron = '* * * * *',
): Deliveries {
  return {
    message: async (topic, payload = null, options = {}) =>
      (await run(messageEvent(topic, payload, options))).value,
    scheduled: async (cron = firstCron, time = new Date()) => (await run(scheduledEvent(cron, time))).value,
    async queue(name, messages) {
      const whole = messages.map((message) =>
        typeof message === 'string' || message instanceof Uint8Array ? { body: message } : message,
      );
      return (await run(queueEvent(name, whole))).queue ?? { retry: [] };
    },
    file: async (change) => (await run(fileEvent(change))).value,
    async fetch(input, init) {
      const url = typeof input === 'string' ? new URL(input, 'http://localhost') : input;
      const { response } = await run(await requestEvent(new Request(url, init), '/*'));
      if (!response) throw new FunctionError('noHandler', 'The function gave no answer to the request');
      return responseOf(response);
    },
    invoke: async (payload = null) => (await run({ kind: 'invoke', payload })).value,
  };
}

function responseOf({ status, headers, body }: NonNullable<InvocationResult['response']>): Response {
  const pairs = headers.map(([name, value]): [string, string] => [name, value]);
  // The fetch standard: these have no body, not even an empty one.
  const isNull = status === 204 || status === 205 || status === 304;
  return new Response(isNull ? null : new Uint8Array(body), { status, headers: pairs });
}

function messageOf<T>(rest: T, bytes: Uint8Array) {
  const text = () => new TextDecoder().decode(bytes);
  return { ...rest, bytes, text, json: () => JSON.parse(text()) as unknown };
}

function storeOf(state: MemoryState, store: string): TestStore {
  const text = (key: string) => {
    const value = state.get(store, key);
    return value && new TextDecoder().decode(value);
  };
  return {
    text,
    get: (key) => {
      const json = text(key);
      return json === undefined ? undefined : (JSON.parse(json) as unknown);
    },
    put: (key, value) => {
      const bytes = value instanceof Uint8Array ? value : encodeContent(JSON.stringify(value)).bytes;
      state.set(store, key, { value: bytes, expiresAt: undefined });
    },
    keys: () => state.keys(store),
  };
}

function shadowOf(state: MemoryState, name: string): TestShadow {
  return {
    get: () => state.shadows.begin().shadowGet(name),
    update(change) {
      const changes = state.shadows.begin();
      const { accepted: request, rejected } = readUpdate(Buffer.from(JSON.stringify({ state: change })));
      const outcome = rejected ? { rejected } : changes.shadowUpdate(name, request);
      if (outcome.rejected)
        throw new FunctionError(
          'badOptions',
          `The shadow ${name} is not changed: ${outcome.rejected.message}`,
        );
      changes.commit();
      return outcome.accepted;
    },
  };
}
