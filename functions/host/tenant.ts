import type ivm from 'isolated-vm';
import { BatchSize } from './batch-size.ts';
import { Deadlines } from './deadlines.ts';
import { gatheredTimeoutMs } from './gathered-timeout.ts';
import type { Op, Said } from './entry.ts';
import { OpQueue } from './op-queue.ts';
import { bytesOf, readCall, readFailure, readLog, readOutcome, refusalJson } from './from-inside.ts';
import { limits, nobody, type Failure } from './protocol.ts';
import type { Outcome, Running, Start, TenantEvents } from './tenant-events.ts';
import { workFailure, type Work } from './crypto/do-work.ts';
import { readWorkSafely } from './read-work.ts';
import { RunTimers } from './run-timers.ts';
import type { Step, StepQueue } from './step-queue.ts';
import { explain, LoadError, openRoom, type Room, type RoomOptions } from './room.ts';
import { WorkQueue } from './work-queue.ts';

export type TenantOptions = Pick<
  RoomOptions,
  'name' | 'code' | 'files' | 'blanks' | 'memoryBytes' | 'bindings' | 'secrets' | 'resultBytes'
> & {
  readonly cpuMs: number;
  readonly events: TenantEvents;
  /** No other function is in this process. */
  readonly isAlone: () => boolean;
};

type Turn = { readonly owners: readonly number[]; readonly leftMs: number; readonly inline: boolean };

/** CPU limits for which this thread waits; by the clock for twice as long, and for three times at most. */
const inlineMs = 100;

/** One version of one function: its isolate, made anew after it had to be stopped, and its running invocations. */
export class Tenant {
  readonly #options: TenantOptions;
  readonly #running = new Map<number, Running>();
  readonly #timeouts: Deadlines<number>;
  #batch = new BatchSize();
  readonly #work = new WorkQueue();
  #room: Promise<Room> | undefined;
  /** The same once it is open. */
  #opened: Room | undefined;
  #isolate: ivm.Isolate | undefined;
  #steps: StepQueue | undefined;
  /** Of the isolate that was disposed of last. */
  #stopping: StepQueue | undefined;
  /** What waits for the next step, in order. */
  #ops = new OpQueue();
  #scheduled = false;
  #wasInline = false;
  #settled: { readonly invocation: number; readonly isInside: boolean }[] = [];

  constructor(options: TenantOptions) {
    this.#options = options;
    this.#timeouts = new Deadlines((invocation) => {
      const message = `It ran longer than ${this.#running.get(invocation)?.timeoutMs} ms`;
      this.#abandon(invocation, { code: 'timeout', message });
    });
  }

  get memoryBytes(): number {
    return this.#options.memoryBytes;
  }

  /** Tenant code is running now, or waits for its turn on a thread, or was told to stop and has not yet. */
  get isBusy(): boolean {
    return this.#steps?.busy === true || this.#stopping?.busy === true;
  }

  /** What stands for each isolate that is busy, with `slot`; without when it was told to stop: whoever it ran for has been answered. */
  busyIsolates(slot: number): ReadonlyMap<object, number | undefined> {
    const busy = new Map<object, number | undefined>();
    if (this.#stopping?.busy) busy.set(this.#stopping, undefined);
    if (this.#steps?.busy) busy.set(this.#steps, slot);
    return busy;
  }

  /** Makes the isolate and runs the top level of the module. Rejects with LoadError. */
  async load(): Promise<string[]> {
    return (await this.#open()).handlers;
  }

  /** Starts an invocation; its end is told by `events.ended`, once. */
  invoke({ invocation, kind, json, payload, timeoutMs }: Start): void {
    const coldStart = this.#room === undefined;
    this.#running.set(invocation, { coldStart, timeoutMs, timers: undefined, cpuMs: 0, outcome: undefined });
    this.#timeouts.set(invocation, timeoutMs);
    const op: Op = { op: 'invoke', invocation, json, payload, binary: kind === 'queue' };
    if (this.#opened) this.#enter(this.#opened, op);
    else void this.#invokeFirst(op);
  }

  async #invokeFirst(op: Op): Promise<void> {
    try {
      this.#enter(await this.#open(), op);
    } catch (error) {
      if (!(error instanceof LoadError)) throw error;
      this.#end(op.invocation, { failure: error.failure });
    }
  }

  reply(invocation: number, call: number, json: string, payload: Uint8Array | undefined): void {
    this.#inRoom((room) => this.#enter(room, { op: 'reply', invocation, call, json, payload }));
  }

  /** The caller hears no more of it; a step of it that runs goes on to its end, within its CPU limit, for the others' sake. */
  cancel(invocation: number): void {
    this.#leave(invocation, { code: 'timeout', message: 'The invocation was cancelled' });
  }

  dispose(): void {
    this.#stop({ code: 'isolateLost', message: 'The function was unloaded' }, []);
  }

  #open(): Promise<Room> {
    if (this.#room) return this.#room;
    const room: Promise<Room> = this.#build().catch((error: unknown) => {
      if (this.#room === room) this.#room = undefined;
      throw error;
    });
    this.#room = room;
    return room;
  }

  /** Now, or once it is open; when it does not open, whoever asked for it has been told. */
  #inRoom(work: (room: Room) => void): void {
    if (this.#opened) work(this.#opened);
    else void this.#room?.then(work, () => undefined);
  }

  #build(): Promise<Room> {
    const { cpuMs, events } = this.#options;
    let own: ivm.Isolate | undefined;
    let ownSteps: StepQueue | undefined;
    let isOpen = false;
    const isCurrent = () => own !== undefined && own === this.#isolate;
    const room = openRoom(
      {
        ...this.#options,
        receive: (said) => isCurrent() && this.#receive(said),
        onStop: (suspects) => {
          // Before it is open, whoever waits for it hears why it does not open.
          if (!isOpen) this.#expectEnd(ownSteps);
          else if (isCurrent()) this.#stop({ code: 'cpu', message: explain('cpu', cpuMs) }, suspects);
        },
        // One that was stopped before may be lost late, over what was answered for already.
        onCatastrophe: (message) => events.catastrophe(message, !isCurrent()),
      },
      (isolate, steps) => {
        own = this.#isolate = isolate;
        ownSteps = this.#steps = steps;
      },
    );
    return room.then((opened) => {
      isOpen = true;
      if (isCurrent()) this.#opened = opened;
      return opened;
    });
  }

  #receive({ op, invocation, id, text, payload }: Said): void {
    const running = this.#running.get(invocation);
    if (!running || running.outcome) return;
    switch (op) {
      case 'done':
        this.#settle(invocation, running, readOutcome(id, text, bytesOf(payload), this.#options.resultBytes));
        return;
      case 'fail':
        this.#settle(invocation, running, { failure: readFailure(text) });
        return;
      case 'call': {
        const bytes = bytesOf(payload);
        const call = readCall(text, bytes);
        if ('refusal' in call) this.#refuse(running, invocation, id, call.refusal);
        else this.#options.events.called({ ...call, type: 'call', invocation, call: id }, bytes);
        return;
      }
      case 'work':
        this.#startWork(running, invocation, id, readWorkSafely(text, bytesOf(payload)));
        return;
      case 'log': {
        const { level, message } = readLog(text);
        this.#options.events.logged(invocation, level, message);
        return;
      }
      case 'timer':
        running.timers ??= new RunTimers();
        running.timers.set(id, Number(text), () =>
          this.#inRoom((room) => this.#enter(room, { op: 'fire', invocation, timer: id })),
        );
        return;
      case 'clear':
        running.timers?.clear(id);
    }
  }

  #refuse(running: Running, invocation: number, call: number, message: string): void {
    if (call !== nobody) this.reply(invocation, call, refusalJson(message), undefined);
    else this.#fail(invocation, running, { code: 'threw', message });
  }

  /** Work of the process for the isolate: charged before it begins, and given up when the invocation has ended. */
  #startWork(running: Running, invocation: number, id: number, work: Work): void {
    const { cpuMs } = this.#options;
    running.cpuMs += work.costMs;
    if (running.cpuMs > cpuMs) {
      this.#fail(invocation, running, { code: 'cpu', message: explain('cpu', cpuMs) });
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

  /** The isolate has not said that it ended: its handler waits for what does not come, and is kept no longer. */
  #fail(invocation: number, running: Running, failure: Failure): void {
    this.#settle(invocation, running, { failure }, true);
  }

  #settle(invocation: number, running: Running, outcome: Outcome, isInside = false): void {
    running.outcome = outcome;
    this.#settled.push({ invocation, isInside });
  }

  #enter(room: Room, op: Op): void {
    this.#ops.push(op);
    if (!this.#scheduled) this.#schedule(room);
  }

  /** One step takes what has come by the time its turn comes; the rest is for the next. */
  #schedule(room: Room): void {
    this.#scheduled = true;
    let owners: readonly number[] = [];
    room.steps
      .run(() => {
        const step = this.#nextStep(room);
        ({ owners } = step);
        return step;
      })
      .catch((error: unknown) => this.#stepFailed(room, owners, error))
      .finally(() => this.#stepEnded(room));
  }

  /**
   * What waits goes in before what has ended is told, so that the isolate does not stand still meanwhile; unless it was this
   * thread that ran it, which has something to tell first.
   */
  #stepEnded(room: Room): void {
    const isCurrent = room.isolate === this.#isolate;
    const tellsLater = isCurrent && !this.#ops.isEmpty && !this.#wasInline;
    if (!tellsLater) this.#endSettled();
    if (isCurrent && !this.#ops.isEmpty) this.#schedule(room);
    else if (isCurrent) this.#scheduled = false;
    if (tellsLater) setImmediate(() => this.#endSettled());
  }

  #nextStep(room: Room): Step<void> {
    const { cpuMs: limitMs } = this.#options;
    const ops = this.#ops.take({
      isLive: (invocation) => this.#running.has(invocation),
      most: ({ invocation }) =>
        this.#batch.next(Math.min(limitMs, this.#running.get(invocation)?.timeoutMs ?? limitMs)),
    });
    const owners = [...new Set(ops.map(({ invocation }) => invocation))];
    const used = owners.map((owner) => this.#running.get(owner)?.cpuMs ?? 0);
    const leftMs = this.#options.cpuMs - Math.max(0, ...used);
    // Only where the end of its time is the end of its limit: to be put off the thread costs a function its isolate.
    const inline = leftMs <= inlineMs && this.#batch.isQuick && this.#options.isAlone();
    this.#wasInline = inline && ops.length > 0;
    return {
      owners,
      cpuMs: leftMs,
      holdsThread: inline,
      work: () => this.#perform(room, ops, { owners, leftMs, inline }),
      measured: (cpuMs) => {
        if (ops.length > 0) this.#batch.measured(ops.length, cpuMs);
        this.#charge(owners, cpuMs);
      },
    };
  }

  /** Alone in its process and quick so far, a function runs on this thread: nobody else waits, and two changes of thread are saved. */
  async #perform(room: Room, ops: readonly Op[], { owners, leftMs, inline }: Turn): Promise<void> {
    if (ops.length === 0) return;
    if (!inline) return room.enter(ops);
    const [startedMs, startedCpu] = [performance.now(), room.isolate.cpuTime];
    const timeoutMs = gatheredTimeoutMs(2 * leftMs, { stepMs: leftMs, nowMs: startedMs });
    try {
      room.enterInline(ops, timeoutMs);
    } catch (error) {
      if (room.isolate.isDisposed || performance.now() - startedMs < timeoutMs) throw error;
      const usedMs = Number(room.isolate.cpuTime - startedCpu) / 1e6;
      this.#batch.spoil();
      this.#charge(owners, usedMs);
      // A clock that ran out says little on a busy machine: without the processor's word nobody is blamed.
      const message = explain('cpu', this.#options.cpuMs);
      this.#stop({ code: 'cpu', message }, usedMs < leftMs ? [] : owners);
    }
  }

  #charge(owners: readonly number[], cpuMs: number): void {
    for (const owner of owners) {
      const running = this.#running.get(owner);
      if (running) running.cpuMs += cpuMs / owners.length;
    }
  }

  /** One step may settle several invocations: what they share inside the isolate is their author's business. */
  #endSettled(): void {
    const settled = this.#settled;
    this.#settled = [];
    for (const { invocation, isInside } of settled) {
      const outcome = this.#running.get(invocation)?.outcome;
      if (outcome) this.#end(invocation, outcome);
      if (isInside) this.#forget(invocation);
    }
  }

  /** Either the isolate is gone, or a promise was rejected that nobody handles: that is logged, as node would. */
  #stepFailed(room: Room, owners: readonly number[], error: unknown): void {
    // Disposed of by us: its invocations have been told.
    if (room.isolate !== this.#isolate) return;
    const { memoryBytes, events } = this.#options;
    if (room.isolate.isDisposed) {
      this.#stop({ code: 'memory', message: explain('memory', memoryBytes) }, owners);
      return;
    }
    const message = error instanceof Error ? error.message : String(error);
    const owner = owners.find((invocation) => this.#running.has(invocation)) ?? owners[0];
    if (owners.length > 1) this.#batch.suspect();
    if (owner === undefined) return;
    events.logged(owner, 'warn', `Unhandled rejection: ${message}`.slice(0, limits.logLineChars));
  }

  /** Ends one invocation from outside: at once when it only waits, with its isolate when it is running. */
  #abandon(invocation: number, failure: Failure): void {
    if (!this.#running.has(invocation)) return;
    this.#inRoom((room) => {
      if (room.steps.current.includes(invocation)) {
        this.#stop(failure, room.steps.current);
        return;
      }
      this.#leave(invocation, failure);
    });
  }

  #leave(invocation: number, failure: Failure): void {
    if (!this.#running.has(invocation)) return;
    this.#end(invocation, { failure });
    this.#forget(invocation);
  }

  #forget(invocation: number): void {
    this.#inRoom((room) => this.#enter(room, { op: 'forget', invocation }));
  }

  /** A thread that is not given back is worth more than the other functions of this process: they are delivered again elsewhere. */
  #expectEnd(steps: StepQueue | undefined): void {
    this.#stopping = steps ?? this.#stopping;
    steps?.expectEnd(limits.watchdogGraceMs, this.#options.events.overdue);
  }

  /** Throws the isolate away; the next invocation makes another. Among several suspects nobody is blamed: they run again, alone. */
  #stop(failure: Failure, suspects: readonly number[]): void {
    const isolate = this.#isolate;
    const steps = this.#steps;
    if (steps) this.#charge(steps.current, steps.usedMs());
    this.#isolate = undefined;
    this.#room = this.#opened = undefined;
    this.#steps = undefined;
    this.#ops = new OpQueue();
    this.#scheduled = false;
    this.#settled = [];
    if (isolate && !isolate.isDisposed) isolate.dispose();
    this.#expectEnd(steps);
    if (suspects.length > 1) this.#batch.suspect();
    const message = `Another invocation stopped the isolate: ${failure.message}`;
    const lost: Outcome = { failure: { code: 'isolateLost', message } };
    const [culprit] = suspects;
    for (const [invocation, { outcome }] of [...this.#running]) {
      const guilty = suspects.length === 1 && invocation === culprit;
      this.#end(invocation, outcome ?? (guilty ? { failure } : lost));
    }
  }

  #end(invocation: number, outcome: Outcome): void {
    const running = this.#running.get(invocation);
    if (!running) return;
    this.#running.delete(invocation);
    this.#timeouts.delete(invocation);
    running.timers?.clearAll();
    const { cpuMs, coldStart } = running;
    this.#options.events.ended(invocation, { ...outcome, cpuMs, coldStart });
  }
}
