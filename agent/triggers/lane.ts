import { errorCode, errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import { AgentError } from '../errors.ts';
import type { LocalStore } from '../streams/local-store.ts';
import type { Operation, QueuedEvent } from '../streams/operations.ts';
import { Effects } from './effects.ts';
import type { FunctionRuntimePort, InvocationEvent, InvocationResult, PublishedMessage } from './ports.ts';
import { judge } from './retry-policy.ts';
import type { Routes } from './routes.ts';
import { Window, type Slot } from './window.ts';

export type LaneOptions = {
  readonly name: string;
  readonly store: LocalStore;
  readonly runtime: Pick<FunctionRuntimePort, 'invoke'>;
  readonly routes: () => Routes;
  /** Hands messages to the local subscribers, after their commit. */
  readonly deliver: (messages: readonly PublishedMessage[]) => Promise<void>;
  readonly now: () => Date;
  readonly random?: () => number;
  readonly logger: Logger;
};

export type CallOptions = {
  /** Ends the call: at once while it waits, by interrupting the function while it runs. */
  readonly signal: AbortSignal;
  /** How many functions called each other before: what this one publishes or calls has one more. */
  readonly depth?: number | undefined;
  /** Under which the function's logs are kept; a new one by default. */
  readonly invocation?: string | undefined;
};

type Waiting = {
  readonly event: InvocationEvent;
  readonly options: CallOptions;
  readonly answer: PromiseWithResolvers<InvocationResult>;
};

type Attempt = {
  readonly hops: number;
  readonly signal: AbortSignal;
  readonly invocation?: string | undefined;
  /** Committed with the effects. */
  readonly also: readonly Operation[];
};

const maxWaitingInvocations = 1000;
/** A direct call is repeated this often when its host was lost through somebody else. */
const invokeAttempts = 3;

/**
 * Runs the invocations of one function: its queued events and direct calls, `concurrency` at a time. With a concurrency of
 * 1 events run strictly in order of arrival, a failing one holds the others until it is through or buried, and every
 * event has its effects exactly once: they are committed with its end. With more, two invocations that write one key race,
 * and the later commit wins.
 */
export class Lane implements AsyncDisposable {
  readonly #options: Required<LaneOptions>;
  readonly #window: Window;
  readonly #waiting: Waiting[] = [];
  readonly #running = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #concurrency = 1;
  #timer: NodeJS.Timeout | undefined;
  #problem: string | undefined;

  constructor(options: LaneOptions) {
    this.#options = { random: Math.random, ...options };
    this.#window = new Window((after) =>
      options.store.events({ function: options.name, after, ...pageSize }),
    );
  }

  get inFlight(): number {
    return this.#running.size;
  }
  /** Why the function as such cannot run at present. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** A new version or new limits are in force: what waited out a failure is tried at once. */
  configure({ concurrency }: { readonly concurrency: number }): void {
    this.#concurrency = concurrency;
    this.#problem = undefined;
    this.#window.forgive();
    this.#pump();
  }

  /** There may be new events. */
  wake(): void {
    this.#window.expectMore();
    this.#pump();
  }

  /**
   * Runs an event that is not on disk, before those that are. Resolves when the effects are committed [G1]. Rejects with the
   * runtime's error, 'queueFull' or the abort.
   */
  async call(event: InvocationEvent, options: CallOptions): Promise<InvocationResult> {
    const { signal } = options;
    signal.throwIfAborted();
    if (this.#stop.signal.aborted) throw stopping();
    if (this.#waiting.length >= maxWaitingInvocations)
      throw new AgentError(
        'queueFull',
        `${this.#waiting.length} calls of ${this.#options.name} wait already`,
        { transient: true },
      );
    const answer = Promise.withResolvers<InvocationResult>();
    const waiting = { event, options, answer };
    const leave = (): void => {
      const at = this.#waiting.indexOf(waiting);
      if (at === -1) return;
      this.#waiting.splice(at, 1);
      answer.reject(signal.reason);
    };
    signal.addEventListener('abort', leave, { once: true });
    this.#waiting.push(waiting);
    this.#pump();
    try {
      return await answer.promise;
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  /** Interrupts what runs; its events stay queued. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(stopping());
    clearTimeout(this.#timer);
    for (const { answer } of this.#waiting.splice(0)) answer.reject(stopping());
    await Promise.allSettled(this.#running);
  }

  #pump(): void {
    clearTimeout(this.#timer);
    while (!this.#stop.signal.aborted && this.#running.size < this.#concurrency) {
      const call = this.#waiting.shift();
      if (call) {
        this.#track(this.#call(call));
        continue;
      }
      const next = this.#window.next(this.#options.now().getTime(), { ordered: this.#concurrency === 1 });
      if (next.kind === 'run') this.#track(this.#handle(next.slot));
      else if (next.kind === 'wait') this.#timer = setTimeout(() => this.#pump(), next.delayMs);
      else if (next.kind === 'load') this.#refill();
      if (next.kind !== 'run') return;
    }
  }

  #refill(): void {
    this.#window.refill().then(
      () => this.#pump(),
      (error: unknown) => {
        this.#options.logger.error('function.queue.unreadable', { error: errorMessage(error) });
        this.#timer = setTimeout(() => this.#pump(), 1000);
      },
    );
  }

  #track(work: Promise<void>): void {
    this.#running.add(work);
    void work.finally(() => {
      this.#running.delete(work);
      this.#pump();
    });
  }

  async #handle(slot: Slot): Promise<void> {
    const { event } = slot;
    try {
      const finish = { op: 'finish', id: event.id, function: event.function } as const;
      await this.#invoke(invocationOf(event), {
        hops: event.hops,
        signal: this.#stop.signal,
        also: [finish],
      });
      this.#problem = undefined;
      this.#window.remove(slot);
    } catch (error) {
      await this.#failed(slot, error);
    } finally {
      slot.running = false;
    }
  }

  /** [G1] One transaction: the end of the event and everything it did. A crash before it leaves no trace of the attempt. */
  async #invoke(
    event: InvocationEvent,
    { hops, signal, invocation, also }: Attempt,
  ): Promise<InvocationResult> {
    const { name, store, runtime, routes, now, deliver } = this.#options;
    const effects = new Effects({ store, routes: routes(), hops });
    const result = await runtime.invoke(name, event, effects, { signal, depth: hops, invocation });
    await store.commit([...also, ...effects.operations(now().getTime())]);
    await deliver(effects.published);
    return result;
  }

  async #call({ event, options, answer }: Waiting): Promise<void> {
    const { signal, depth: hops = 0, invocation } = options;
    const either = AbortSignal.any([signal, this.#stop.signal]);
    for (let attempt = 1; ; attempt++) {
      try {
        either.throwIfAborted();
        answer.resolve(await this.#invoke(event, { hops, invocation, signal: either, also: [] }));
        return;
      } catch (error) {
        if (errorCode(error) === 'hostLost' && attempt < invokeAttempts) continue;
        answer.reject(error);
        return;
      }
    }
  }

  async #failed(slot: Slot, error: unknown): Promise<void> {
    const { event } = slot;
    const { logger, now, random, store } = this.#options;
    const failures = slot.attempts + 1;
    const verdict = judge(error, { failures, innocentFailures: slot.innocentFailures + 1, random });
    const fields = { event: event.id, attempt: failures, code: errorCode(error), error: errorMessage(error) };
    const time = now().getTime();
    const { id, function: name } = event;
    if (verdict.kind === 'leave') return;
    if (verdict.kind === 'bury') {
      logger.error('function.deadLetter', fields);
      const burial = {
        op: 'bury',
        id,
        function: name,
        attempts: failures,
        time,
        error: verdict.error,
      } as const;
      await store.commit([burial]).then(
        () => this.#window.remove(slot),
        () => this.#window.postpone(slot, { notBefore: time + 1000 }),
      );
      return;
    }
    const notBefore = time + verdict.delayMs;
    logger.warn('function.failed', { ...fields, retryMs: verdict.delayMs });
    if (verdict.kind === 'again') {
      if (verdict.stuck) this.#problem = errorMessage(error);
      this.#window.postpone(slot, { notBefore, innocentFailures: slot.innocentFailures + 1 });
      return;
    }
    this.#window.postpone(slot, { notBefore, attempts: failures });
    // Counted on disk, so that restarts do not give a poisonous event new attempts. Not counted is no harm.
    await store
      .commit([{ op: 'postpone', id, function: name, attempts: failures, notBefore }])
      .catch(() => undefined);
  }
}

/** Events read at once: enough to keep a function busy, little enough to keep in memory for five hundred of them. */
const pageSize = { limit: 64, maxBytes: 2 ** 18 };

function invocationOf(event: QueuedEvent): InvocationEvent {
  const time = new Date(event.time).toISOString();
  if (event.kind === 'scheduled') return { kind: 'scheduled', cron: event.topic, scheduledTime: time };
  const { topic, payload, contentType } = event;
  return { kind: 'message', topic, payload, time, ...(contentType !== undefined && { contentType }) };
}

function stopping(): AgentError {
  return new AgentError('cancelled', 'The function is being stopped');
}
