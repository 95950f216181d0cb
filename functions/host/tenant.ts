import type ivm from 'isolated-vm';
import { readCall, readFailure, readLog, readOutcome, type DoneOutcome } from './from-inside.ts';
import { limits, type CallHeader, type EventHeader, type Failure, type LogLevel } from './protocol.ts';
import { readWork, workFailure, type Work } from './crypto/do-work.ts';
import type { StepQueue } from './step-queue.ts';
import { explain, LoadError, openRoom, type Room, type RoomOptions } from './room.ts';
import { WorkQueue } from './work-queue.ts';

export type TenantOptions = Pick<
  RoomOptions,
  'name' | 'code' | 'files' | 'inside' | 'memoryBytes' | 'bindings' | 'secrets' | 'resultBytes'
> & {
  readonly cpuMs: number;
  readonly events: TenantEvents;
};

export type TenantEvents = {
  readonly ended: (invocation: number, outcome: Outcome & Cost) => void;
  readonly called: (call: CallHeader, bytes: Uint8Array | undefined) => void;
  readonly logged: (invocation: number, level: LogLevel, message: string) => void;
  readonly catastrophe: (message: string) => void;
};

export type Outcome = DoneOutcome;
export type Cost = { readonly cpuMs: number; readonly coldStart: boolean };

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
  /** Known, and told once the step that brought it has ended and its CPU time is counted. */
  outcome: Outcome | undefined;
};

/** One version of one function: its isolate, made anew after it had to be stopped, and its running invocations. */
export class Tenant {
  readonly #options: TenantOptions;
  readonly #running = new Map<number, Running>();
  readonly #work = new WorkQueue();
  #room: Promise<Room> | undefined;
  #isolate: ivm.Isolate | undefined;
  #steps: StepQueue | undefined;

  constructor(options: TenantOptions) {
    this.#options = options;
  }

  get memoryBytes(): number {
    return this.#options.memoryBytes;
  }

  /** Tenant code is running now, or waits for its turn on a thread. */
  get isBusy(): boolean {
    return this.#steps?.busy === true;
  }

  /** Makes the isolate and runs the top level of the module. Rejects with LoadError. */
  async load(): Promise<string[]> {
    return (await this.#open()).handlers;
  }

  /** Starts an invocation; its end is told by `events.ended`, once. */
  async invoke({ invocation, label, event, payload, timeoutMs }: Start): Promise<void> {
    const late = { code: 'timeout', message: `It ran longer than ${timeoutMs} ms` } as const;
    this.#running.set(invocation, {
      coldStart: this.#room === undefined,
      timeout: setTimeout(() => this.#abandon(invocation, late), timeoutMs),
      timers: new Map(),
      cpuMs: 0,
      outcome: undefined,
    });
    try {
      const room = await this.#open();
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
    this.#room ??= this.#build().catch((error: unknown) => {
      this.#room = undefined;
      throw error;
    });
    return this.#room;
  }

  #build(): Promise<Room> {
    const { cpuMs, events } = this.#options;
    let own: ivm.Isolate | undefined;
    const isCurrent = () => own !== undefined && own === this.#isolate;
    return openRoom(
      {
        ...this.#options,
        receive: (...said) => isCurrent() && this.#receive(...said),
        onStop: (culprit) =>
          isCurrent() && this.#stop({ code: 'cpu', message: explain('cpu', cpuMs) }, culprit),
        onCatastrophe: events.catastrophe,
      },
      (isolate, steps) => {
        own = this.#isolate = isolate;
        this.#steps = steps;
      },
    );
  }

  #receive(op: string, invocation: number, id: number, text: string, bytes: Uint8Array | undefined): void {
    const running = this.#running.get(invocation);
    if (!running || running.outcome) return;
    switch (op) {
      case 'done':
        running.outcome = readOutcome(id, text, bytes, this.#options.resultBytes);
        return;
      case 'fail':
        running.outcome = { failure: readFailure(text) };
        return;
      case 'call': {
        const call = readCall(text, bytes);
        if ('refusal' in call) this.reply(invocation, id, refusalJson(call.refusal), undefined);
        else this.#options.events.called({ type: 'call', invocation, call: id, ...call }, bytes);
        return;
      }
      case 'work':
        this.#startWork(running, invocation, id, readWorkSafely(text, bytes));
        return;
      case 'log': {
        const { level, message } = readLog(text);
        this.#options.events.logged(invocation, level, message);
        return;
      }
      case 'timer':
        this.#setTimer(running, invocation, id, Number(text));
        return;
      case 'clear':
        clearTimeout(running.timers.get(id));
        running.timers.delete(id);
    }
  }

  /** Work of the process for the isolate: charged before it begins, and given up when the invocation has ended. */
  #startWork(running: Running, invocation: number, id: number, work: Work): void {
    const { cpuMs } = this.#options;
    running.cpuMs += work.costMs;
    if (running.cpuMs > cpuMs) {
      running.outcome = { failure: { code: 'cpu', message: explain('cpu', cpuMs) } };
      return;
    }
    const isWanted = () => this.#running.get(invocation) === running;
    this.#work.add(isWanted, work.run).then(
      (result) => {
        if (result && isWanted())
          this.reply(invocation, id, JSON.stringify({ ok: true, json: result.json }), result.bytes);
      },
      (error: unknown) =>
        this.reply(invocation, id, JSON.stringify({ ok: false, ...workFailure(error) }), undefined),
    );
  }

  #setTimer(running: Running, invocation: number, id: number, delayMs: number): void {
    // One more than the isolate counts: it looks by one whether anything is under way.
    if (running.timers.size > limits.timers) return;
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
      if (this.#running.has(invocation)) await room.enter(op, invocation, id, text, bytes);
    };
    room.steps
      .run(
        invocation,
        () => this.#options.cpuMs - running.cpuMs,
        step,
        (cpuMs) => (running.cpuMs += cpuMs),
      )
      .catch((error: unknown) => this.#stepFailed(room, invocation, error))
      .finally(() => this.#endSettled());
  }

  /** One step may settle several invocations: what they share inside the isolate is their author's business. */
  #endSettled(): void {
    for (const [invocation, { outcome }] of [...this.#running]) if (outcome) this.#end(invocation, outcome);
  }

  /** Either the isolate is gone, or a promise was rejected that nobody handles: that is logged, as node would. */
  #stepFailed(room: Room, invocation: number, error: unknown): void {
    // Disposed of by us: its invocations have been told.
    if (room.isolate !== this.#isolate) return;
    const { memoryBytes, events } = this.#options;
    if (room.isolate.isDisposed) {
      this.#stop({ code: 'memory', message: explain('memory', memoryBytes) }, invocation);
      return;
    }
    const message = error instanceof Error ? error.message : String(error);
    events.logged(invocation, 'warn', `Unhandled rejection: ${message}`.slice(0, limits.logLineChars));
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
      const forget = () => room.enter('forget', invocation, 0, '');
      room.steps.run(undefined, () => limits.loadCpuMs, forget).catch(ignore);
    }, ignore);
  }

  /** Throws the isolate away; the next invocation makes another. */
  #stop(failure: Failure, culprit: number | undefined): void {
    const isolate = this.#isolate;
    this.#isolate = undefined;
    this.#room = undefined;
    this.#steps = undefined;
    if (isolate && !isolate.isDisposed) isolate.dispose();
    const message = `Another invocation stopped the isolate: ${failure.message}`;
    const lost: Outcome = { failure: { code: 'isolateLost', message } };
    for (const [invocation, { outcome }] of [...this.#running]) {
      this.#end(invocation, outcome ?? (invocation === culprit ? { failure } : lost));
    }
  }

  #end(invocation: number, outcome: Outcome): void {
    const running = this.#running.get(invocation);
    if (!running) return;
    this.#running.delete(invocation);
    clearTimeout(running.timeout);
    for (const timer of running.timers.values()) clearTimeout(timer);
    const { cpuMs, coldStart } = running;
    this.#options.events.ended(invocation, { cpuMs, coldStart, ...outcome });
  }
}

/** What cannot be read is work that fails. */
function readWorkSafely(text: string, bytes: Uint8Array = new Uint8Array(0)): Work {
  try {
    return readWork(text, bytes);
  } catch (error) {
    const run = () => {
      throw error;
    };
    return { costMs: 0, run };
  }
}

function refusalJson(message: string): string {
  return JSON.stringify({ ok: false, code: 'badCall', message });
}

function ignore(): void {
  // The room failed to open: whoever asked for it has been told.
}
