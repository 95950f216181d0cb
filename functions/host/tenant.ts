import { randomBytes } from 'node:crypto';
import ivm from 'isolated-vm';
import { insideSource } from './inside/source.ts';
import type { Enter } from './inside/types.ts';
import { limits, type BindingKind, type EventHeader, type Failure, type FailureCode } from './protocol.ts';
import { StepQueue } from './step-queue.ts';

export type TenantOptions = {
  readonly name: string;
  readonly code: string;
  readonly memoryBytes: number;
  readonly cpuMs: number;
  readonly bindings: Readonly<Record<string, BindingKind>>;
  readonly events: TenantEvents;
};

export type TenantEvents = {
  readonly ended: (invocation: number, outcome: Outcome) => void;
  readonly called: (invocation: number, call: number, json: string, bytes: Uint8Array) => void;
  readonly logged: (invocation: number, text: string) => void;
  /** V8 has lost control of the isolate; the process must end at once. */
  readonly catastrophe: (message: string) => void;
};

export type Outcome = { readonly cpuMs: number; readonly coldStart: boolean } & (
  { readonly json: string } | { readonly failure: Failure }
);

export type Start = {
  readonly invocation: number;
  readonly label: string;
  readonly event: EventHeader;
  readonly payload: Uint8Array;
  readonly timeoutMs: number;
};

type Running = {
  readonly coldStart: boolean;
  readonly timeout: NodeJS.Timeout;
  readonly timers: Map<number, NodeJS.Timeout>;
  cpuMs: number;
  outcome: { json: string } | { failure: Failure } | undefined;
};

type Room = {
  readonly isolate: ivm.Isolate;
  readonly steps: StepQueue;
  readonly enter: ivm.Reference<Enter>;
  readonly handlers: string[];
};

/** One version of one function: its isolate, made anew after it had to be stopped, and its running invocations. */
export class Tenant {
  readonly #options: TenantOptions;
  readonly #running = new Map<number, Running>();
  #room: Promise<Room> | undefined;
  #isolate: ivm.Isolate | undefined;

  constructor(options: TenantOptions) {
    this.#options = options;
  }

  /** Makes the isolate and runs the top level of the module. Rejects with a LoadError. */
  async load(): Promise<string[]> {
    return (await this.#open()).handlers;
  }

  /** Starts an invocation; its end is told by `events.ended`, once. */
  async invoke({ invocation, label, event, payload, timeoutMs }: Start): Promise<void> {
    const coldStart = this.#room === undefined;
    this.#running.set(invocation, {
      coldStart,
      timeout: setTimeout(() => this.#timedOut(invocation, timeoutMs), timeoutMs),
      timers: new Map(),
      cpuMs: 0,
      outcome: undefined,
    });
    try {
      const room = await this.#open();
      if (!this.#running.has(invocation)) return;
      const header = JSON.stringify({ event, label, timeoutMs });
      this.#enter(room, 'invoke', invocation, 0, header, payload);
    } catch (error) {
      if (!(error instanceof LoadError)) throw error;
      this.#end(invocation, { failure: error.failure });
    }
  }

  reply(invocation: number, call: number, json: string, bytes: Uint8Array | undefined): void {
    void this.#room?.then((room) => this.#enter(room, 'reply', invocation, call, json, bytes), ignore);
  }

  cancel(invocation: number): void {
    this.#abandon(invocation, { code: 'timeout', message: 'The invocation was cancelled' });
  }

  dispose(): void {
    this.#stop({ code: 'isolateLost', message: 'The function was unloaded' }, undefined);
  }

  #open(): Promise<Room> {
    this.#room ??= this.#build();
    return this.#room;
  }

  async #build(): Promise<Room> {
    const { name, memoryBytes, bindings, events, code } = this.#options;
    // isolated-vm takes whole MiB and not less than 8.
    const memoryMb = Math.max(8, Math.ceil(memoryBytes / 2 ** 20));
    const isolate = new ivm.Isolate({ memoryLimit: memoryMb, onCatastrophicError: events.catastrophe });
    this.#isolate = isolate;
    const steps = new StepQueue(isolate, (code) => this.#stopped(isolate, code));
    try {
      const context = await isolate.createContext();
      const setup = JSON.stringify({ name, memoryMb, bindings, limits });
      const inside = (await context.evalClosure(insideSource, [this.#sender(isolate), randomness, setup], {
        filename: 'holdfast:inside',
        result: { reference: true },
      })) as ivm.Reference<{ load: (exports: unknown) => string; enter: Enter }>;
      const load = await inside.get('load', { reference: true });
      const enter = await inside.get('enter', { reference: true });
      const names = await steps.run(undefined, limits.loadCpuMs, async () => {
        const module = await isolate.compileModule(code, { filename: 'function.js' });
        await module.instantiate(context, (specifier) => {
          throw new Error(`import "${specifier}" was not resolved when the bundle was built`);
        });
        await module.evaluate();
        return load.apply(undefined, [module.namespace.derefInto()]);
      });
      return { isolate, steps, enter, handlers: JSON.parse(names) as string[] };
    } catch (error) {
      throw new LoadError(this.#loadFailure(isolate, steps, error));
    }
  }

  #loadFailure(isolate: ivm.Isolate, steps: StepQueue, error: unknown): Failure {
    this.#room = undefined;
    const stopped = steps.stopped ?? (isolate.isDisposed ? 'memory' : undefined);
    if (!isolate.isDisposed) isolate.dispose();
    if (stopped) return { code: stopped, message: explain(stopped, this.#options, limits.loadCpuMs) };
    const { message = 'it throws', stack } = error as { message?: string; stack?: string };
    return {
      code: 'badBundle',
      message: message.slice(0, limits.errorChars),
      ...(stack && { stack: stack.slice(0, limits.errorChars) }),
    };
  }

  /** Runs in the order the isolate sends. Types are checked: the tenant may have bent what our own code uses inside. */
  #sender(isolate: ivm.Isolate): ivm.Callback {
    const receive = (op: unknown, invocation: unknown, id: unknown, text: unknown, bytes: unknown) => {
      if (isolate !== this.#isolate || typeof invocation !== 'number' || typeof id !== 'number') return;
      const running = this.#running.get(invocation);
      if (!running || running.outcome || typeof text !== 'string') return;
      switch (op) {
        case 'done':
          running.outcome = { json: text };
          return;
        case 'fail':
          running.outcome = { failure: JSON.parse(text) as Failure };
          return;
        case 'call':
          this.#options.events.called(
            invocation,
            id,
            text,
            bytes instanceof Uint8Array ? bytes : new Uint8Array(0),
          );
          return;
        case 'log':
          this.#options.events.logged(invocation, text);
          return;
        case 'timer':
          this.#setTimer(running, invocation, id, Number(text));
          return;
        case 'clear':
          clearTimeout(running.timers.get(id));
          running.timers.delete(id);
      }
    };
    return new ivm.Callback(receive, { ignored: true });
  }

  #setTimer(running: Running, invocation: number, id: number, delayMs: number): void {
    if (running.timers.size >= limits.timers) return;
    const fire = () => {
      running.timers.delete(id);
      void this.#room?.then((room) => this.#enter(room, 'fire', invocation, id, ''), ignore);
    };
    running.timers.set(id, setTimeout(fire, delayMs));
  }

  #enter(
    room: Room,
    op: 'invoke' | 'reply' | 'fire',
    invocation: number,
    id: number,
    text: string,
    bytes?: Uint8Array,
  ): void {
    const running = this.#running.get(invocation);
    if (!running) return;
    const step = async () => {
      if (!this.#running.has(invocation)) return;
      await room.enter.apply(undefined, [op, invocation, id, text, bytes && transfer(bytes)] as never);
    };
    const left = this.#options.cpuMs - running.cpuMs;
    room.steps
      .run(invocation, left, step, (cpuMs) => (running.cpuMs += cpuMs))
      .catch((error: unknown) => this.#stepFailed(room, invocation, error))
      .finally(() => {
        if (running.outcome) this.#end(invocation, running.outcome);
      });
  }

  /** Either the isolate is gone, or a promise was rejected that nobody handles: that is logged, as node would. */
  #stepFailed(room: Room, invocation: number, error: unknown): void {
    // Disposed of by us: its invocations have been told.
    if (room.isolate !== this.#isolate) return;
    if (room.isolate.isDisposed) {
      this.#stop({ code: 'memory', message: explain('memory', this.#options) }, invocation);
      return;
    }
    const message = error instanceof Error ? error.message : String(error);
    this.#options.events.logged(
      invocation,
      `warn:Unhandled rejection: ${message.slice(0, limits.logLineChars)}`,
    );
  }

  #stopped(isolate: ivm.Isolate, culprit: number | undefined): void {
    if (isolate !== this.#isolate) return;
    this.#stop({ code: 'cpu', message: explain('cpu', this.#options) }, culprit);
  }

  #timedOut(invocation: number, timeoutMs: number): void {
    this.#abandon(invocation, { code: 'timeout', message: `It ran longer than ${timeoutMs} ms` });
  }

  /** Ends one invocation from outside: at once when it only waits, with its isolate when it is running. */
  #abandon(invocation: number, failure: Failure): void {
    if (!this.#running.has(invocation)) return;
    void this.#room?.then((room) => {
      if (room.steps.current === invocation) {
        this.#stop(failure, invocation);
        return;
      }
      this.#end(invocation, { failure });
      const forget = () => room.enter.apply(undefined, ['forget', invocation, 0, '']);
      room.steps.run(undefined, limits.loadCpuMs, forget).catch(ignore);
    }, ignore);
  }

  /** Throws the isolate away; the next invocation makes another. */
  #stop(failure: Failure, culprit: number | undefined): void {
    const isolate = this.#isolate;
    this.#isolate = undefined;
    this.#room = undefined;
    if (isolate && !isolate.isDisposed) isolate.dispose();
    for (const invocation of [...this.#running.keys()]) {
      const lost: Failure = {
        code: 'isolateLost',
        message: `Another invocation stopped the isolate: ${failure.message}`,
      };
      this.#end(invocation, { failure: invocation === culprit ? failure : lost });
    }
  }

  #end(invocation: number, outcome: { json: string } | { failure: Failure }): void {
    const running = this.#running.get(invocation);
    if (!running) return;
    this.#running.delete(invocation);
    clearTimeout(running.timeout);
    for (const timer of running.timers.values()) clearTimeout(timer);
    const { cpuMs, coldStart } = running;
    this.#options.events.ended(invocation, { cpuMs, coldStart, ...outcome });
  }
}

export class LoadError extends Error {
  override readonly name = 'LoadError';
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

const randomness = new ivm.Callback((count: unknown) => {
  const size = typeof count === 'number' ? Math.min(Math.max(0, count), 65_536) : 0;
  return new Uint8Array(randomBytes(size));
});

/** A copy of its own memory, moved into the isolate. */
function transfer(bytes: Uint8Array): ivm.Copy<Uint8Array> {
  return new ivm.ExternalCopy(new Uint8Array(bytes), { transferOut: true }).copyInto({
    release: true,
    transferIn: true,
  });
}

function explain(code: FailureCode, { cpuMs, memoryBytes }: TenantOptions, limitMs = cpuMs): string {
  return code === 'cpu'
    ? `It used more than ${limitMs} ms of CPU`
    : `It needed more than ${memoryBytes} bytes of memory`;
}

function ignore(): void {
  // The room failed to open: whoever asked for it has been told.
}
