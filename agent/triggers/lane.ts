import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode, errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import { backoffMs } from '../../lib/retry.ts';
import type { FunctionSpec } from '../../manifests/function.ts';
import { AgentError } from '../errors.ts';
import type { LocalStore } from '../streams/local-store.ts';
import type { QueuedEvent } from '../streams/operations.ts';
import { Allowance, type BudgetStatus, type Hold, type Usage } from './allowance.ts';
import { Effects } from './effects.ts';
import { EventRuns, usageOf, type Performed, type Ran } from './event-runs.ts';
import type { FunctionRuntimePort, InvocationEvent, InvocationResult, PublishedMessage } from './ports.ts';
import type { Routes } from './routes.ts';
import { WaitingCalls, type CallOptions, type WaitingCall } from './waiting-calls.ts';
import { Window, type Batching } from './window.ts';

export type { CallOptions };

export type LaneOptions = {
  readonly name: string;
  readonly store: LocalStore;
  readonly runtime: Pick<FunctionRuntimePort, 'invoke' | 'problem' | 'denials'>;
  readonly routes: () => Routes;
  /** Hands messages to the local subscribers, after their commit. */
  readonly deliver: (messages: readonly PublishedMessage[]) => Promise<void>;
  /** It paused, runs again, or has a problem. */
  readonly onChange?: () => void;
  readonly now: () => Date;
  readonly random?: () => number;
  readonly logger: Logger;
};

type LaneSpec = Pick<FunctionSpec, 'limits' | 'on' | 'retries' | 'budget'>;

/** A direct call is repeated this often when its host was lost through somebody else. */
const invokeAttempts = 3;
/** And this often when another invocation changed what it is based on before it could commit. */
const conflictAttempts = 30;
const conflictDelay = { minDelayMs: 5, maxDelayMs: 500 };
/** How long a pause is slept through at a time: a clock that is set is noticed within it. */
const longestRestMs = 60_000;
/** Between two reads of events that cannot be read, unless somebody does something about it. */
const readDelay = { minDelayMs: 1000, maxDelayMs: longestRestMs };

/**
 * Runs the invocations of one function: its queued events and direct calls, `concurrency` at a time. With a concurrency of
 * 1 events run strictly in order of arrival, a failing one holds the others until it is through or buried, and every
 * event has its effects exactly once: they are committed with its end. With more, two invocations that write one key race,
 * and the later commit wins. Messages of queues hold nobody while they are delayed.
 */
export class Lane implements AsyncDisposable {
  readonly #options: LaneOptions;
  readonly #window: Window;
  readonly #allowance: Allowance;
  readonly #events: EventRuns;
  readonly #calls = new WaitingCalls();
  readonly #stop = new AbortController();
  #concurrency = 1;
  #retries = 0;
  #running = 0;
  #drained: PromiseWithResolvers<undefined> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #problem: string | undefined;
  /** Why its events cannot be read from disk. */
  #unreadable: string | undefined;
  #failedReads = 0;
  /** Runs while a read that failed is not tried again. */
  #readsAgain: NodeJS.Timeout | undefined;
  #hold: Exclude<Hold, { kind: 'wait' }> | undefined;

  constructor(options: LaneOptions) {
    const { name, store, now, random = Math.random, logger } = options;
    this.#options = options;
    this.#window = new Window((query) => store.nearEvents({ function: name, ...query }));
    this.#allowance = new Allowance({ name, counts: store.counts });
    this.#events = new EventRuns({
      ...{ store, now, random, logger, window: this.#window, allowance: this.#allowance },
      perform: (event, hops) => this.#perform(event, { signal: this.#stop.signal, depth: hops }),
      announce: (effects) => this.#announce(effects),
    });
  }

  get inFlight(): number {
    return this.#running;
  }
  /** Why the function as such cannot run at present. */
  get problem(): string | undefined {
    return this.#unreadable ?? this.#problem;
  }
  /** Why it does not run though it could: paused by hand, or its budget is used up. */
  get hold(): Exclude<Hold, { kind: 'wait' }> | undefined {
    const hold = this.#allowance.hold(this.#options.now().getTime(), 0);
    return hold?.kind === 'wait' ? undefined : hold;
  }
  get budget(): BudgetStatus | undefined {
    return this.#allowance.budgetStatus(this.#options.now().getTime());
  }

  /** A new version or new limits are in force: what waited out a failure is tried at once. */
  configure({ limits, on, retries, budget }: LaneSpec): void {
    this.#concurrency = limits.concurrency;
    this.#retries = retries;
    this.#allowance.configure(budget);
    this.#window.configure({ ordered: limits.concurrency === 1, queues: batchingOf(on) });
    this.#window.forgive();
    this.#setProblem(undefined);
    this.#endReadDelay();
    this.#pump();
  }

  /** New events, as they were committed. */
  offer(events: readonly QueuedEvent[]): void {
    this.#window.offer(events, this.#options.now().getTime());
    this.#pump();
  }

  /** There may be more to do on disk, or a pause ended or began. */
  wake(): void {
    this.#window.expectMore();
    this.#pump();
  }

  /** Somebody did something for it: what could not be read is tried at once. */
  lookAnew(): void {
    this.#endReadDelay();
    this.wake();
  }

  /**
   * Runs an event that is not on disk, before those that are. Resolves when the effects are committed [G1]. Rejects with the
   * runtime's error, 'queueFull', 'paused' or the abort.
   */
  call(event: InvocationEvent, options: CallOptions): Promise<InvocationResult> {
    const { signal } = options;
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    if (this.#stop.signal.aborted) return Promise.reject(stopping());
    const result = this.#calls.add(this.#options.name, event, options);
    this.#pump();
    return result;
  }

  /** Interrupts what runs; its events stay queued. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(stopping());
    clearTimeout(this.#timer);
    this.#endReadDelay();
    this.#calls.refuse(stopping());
    if (this.#running === 0) return;
    this.#drained = Promise.withResolvers();
    await this.#drained.promise;
  }

  #pump(): void {
    clearTimeout(this.#timer);
    while (!this.#stop.signal.aborted && this.#running < this.#concurrency) {
      const nowMs = this.#options.now().getTime();
      const hold = this.#allowance.hold(nowMs, this.#running);
      if (hold?.kind === 'wait') return;
      this.#setHold(hold);
      if (hold) this.#calls.refuse(paused(this.#options.name, hold));
      if (hold?.kind === 'paused') {
        this.#rest((hold.untilMs ?? Number.POSITIVE_INFINITY) - nowMs);
        return;
      }
      if (!this.#startOne(nowMs, { drops: hold !== undefined })) return;
    }
  }

  /** False when there is nothing to do now. */
  #startOne(nowMs: number, { drops }: { drops: boolean }): boolean {
    const call = this.#calls.take();
    if (call) {
      this.#begin(this.#call(call));
      return true;
    }
    // New events do not mend what lies before them.
    const next = this.#window.next(nowMs, { loads: this.#readsAgain === undefined });
    switch (next.kind) {
      case 'run':
        this.#begin(drops ? this.#drop(next.slots) : this.#run(next.slots));
        return true;
      case 'wait':
        this.#rest(next.delayMs);
        return false;
      case 'load':
        this.#refill(nowMs);
        return false;
      case 'idle':
        return false;
      default:
        return next satisfies never;
    }
  }

  #rest(delayMs: number): void {
    this.#timer = setTimeout(() => this.#pump(), Math.min(delayMs, longestRestMs));
  }

  #refill(nowMs: number): void {
    this.#window.refill(nowMs).then(
      () => {
        this.#setUnreadable(undefined);
        this.#failedReads = 0;
        this.#pump();
      },
      (error: unknown) => {
        this.#setUnreadable(errorMessage(error));
        if (this.#stop.signal.aborted) return;
        this.#delayRead();
        // What was read before may wait for its time.
        this.#pump();
      },
    );
  }

  #delayRead(): void {
    this.#failedReads += 1;
    const { random = Math.random } = this.#options;
    const again = () => {
      this.#readsAgain = undefined;
      this.#pump();
    };
    clearTimeout(this.#readsAgain);
    this.#readsAgain = setTimeout(again, backoffMs(this.#failedReads, { ...readDelay, random }));
  }

  #endReadDelay(): void {
    clearTimeout(this.#readsAgain);
    this.#readsAgain = undefined;
    this.#failedReads = 0;
  }

  /** `work` never rejects. */
  #begin(work: Promise<void>): void {
    this.#running++;
    void work.then(() => {
      this.#running--;
      if (this.#running === 0) this.#drained?.resolve(undefined);
      this.#pump();
    });
  }

  async #run(slots: Parameters<EventRuns['run']>[0]): Promise<void> {
    const ran: Ran = await this.#events.run(slots, this.#retries);
    this.#setProblem(ran.kind === 'stuck' ? ran.problem : undefined);
  }

  /** Over budget, with the order to drop: what could run now goes, counted. */
  async #drop(slots: Parameters<EventRuns['run']>[0]): Promise<void> {
    const { store, now, name, logger } = this.#options;
    const nowMs = now().getTime();
    const dropped = [...slots, ...this.#window.takeReady(nowMs)];
    const operations = dropped.map(
      ({ event: { id, page } }) => ({ op: 'finish', id, function: name, page }) as const,
    );
    try {
      await store.commit([...operations, this.#allowance.dropped(nowMs, dropped.length)]);
      for (const slot of dropped) this.#window.remove(slot);
    } catch (error) {
      if (errorCode(error) === 'gone') {
        for (const slot of dropped) this.#window.remove(slot);
        this.#window.reread();
        return;
      }
      logger.warn('function.drop.failed', { error: errorMessage(error) });
      for (const slot of dropped) this.#window.postpone(slot, { notBefore: nowMs + 1000 }, { onDisk: false });
    }
  }

  async #perform(event: InvocationEvent, options: CallOptions): Promise<Performed> {
    const { name, store, runtime, routes, now } = this.#options;
    const effects = new Effects({ store, routes: routes(), hops: options.depth ?? 0, now });
    return { result: await runtime.invoke(name, event, effects, options), effects };
  }

  #announce(effects: Effects): Promise<void> | undefined {
    return effects.published.length === 0 ? undefined : this.#options.deliver(effects.published);
  }

  async #call({ event, options, answer }: WaitingCall): Promise<void> {
    const signal = AbortSignal.any([options.signal, this.#stop.signal]);
    for (let attempt = 1; ; attempt++) {
      try {
        signal.throwIfAborted();
        answer.resolve(await this.#callOnce(event, { ...options, signal }));
        return;
      } catch (error) {
        await this.#charge(usageOf(error));
        if (errorCode(error) === 'hostLost' && attempt < invokeAttempts) continue;
        if (errorCode(error) === 'conflict' && attempt < conflictAttempts) {
          // An abort ends the next attempt before it begins.
          await sleep(backoffMs(attempt, conflictDelay), undefined, { signal }).catch(() => undefined);
          continue;
        }
        answer.reject(error);
        return;
      }
    }
  }

  async #callOnce(event: InvocationEvent, options: CallOptions): Promise<InvocationResult> {
    const { store, now } = this.#options;
    const { result, effects } = await this.#perform(event, options);
    const nowMs = now().getTime();
    const bill = this.#allowance.bill(nowMs, result);
    try {
      await store.commit([...bill, ...effects.operations(nowMs)]);
    } catch (error) {
      this.#allowance.owe(bill);
      throw error;
    }
    await this.#announce(effects);
    return result;
  }

  /** What a call used that came to nothing. */
  async #charge(usage: Usage | undefined): Promise<void> {
    const bill = usage ? this.#allowance.bill(this.#options.now().getTime(), usage) : [];
    await this.#options.store.commit(bill).catch(() => this.#allowance.owe(bill));
  }

  #setProblem(problem: string | undefined): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#options.onChange?.();
  }

  /** Said once, however often it is tried. */
  #setUnreadable(problem: string | undefined): void {
    if (problem === this.#unreadable) return;
    this.#unreadable = problem;
    const { logger, onChange } = this.#options;
    if (problem !== undefined) logger.error('function.queue.unreadable', { error: problem });
    onChange?.();
  }

  #setHold(hold: Lane['hold']): void {
    if (hold?.kind === this.#hold?.kind && hold?.reason === this.#hold?.reason) return;
    const { logger, onChange } = this.#options;
    if (hold) logger.warn('function.paused', { reason: hold.reason, drops: hold.kind === 'drop' });
    else logger.info('function.resumed');
    this.#hold = hold;
    onChange?.();
  }
}

function batchingOf(triggers: FunctionSpec['on']): Map<string, Batching> {
  return new Map(
    triggers.flatMap((trigger) =>
      'queue' in trigger ? [[trigger.queue, { batch: trigger.batch, waitMs: trigger.wait }] as const] : [],
    ),
  );
}

function paused(name: string, { reason, untilMs }: NonNullable<Lane['hold']>): AgentError {
  const until = untilMs === undefined ? '' : ` until ${new Date(untilMs).toISOString()}`;
  return new AgentError('paused', `The function ${name} is paused${until}: ${reason}`, {
    hint: `Let it run on with: holdfast functions resume ${name}`,
  });
}

function stopping(): AgentError {
  return new AgentError('cancelled', 'The function is being stopped');
}
