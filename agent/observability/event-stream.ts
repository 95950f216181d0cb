import { observabilityStream, observabilityTopics } from '../../cloud-sync/protocol/observability.ts';
import { errorCode } from '../../lib/error-code.ts';
import type { LogEvent } from '../../lib/logger.ts';
import { TokenBucket } from '../../lib/token-bucket.ts';
import { messageBytes, type Operation } from '../streams/operations.ts';
import { logMessageOf } from './log-event.ts';
import { metricsEventOf } from './metrics-event.ts';
import type { AgentMeter } from './metrics.ts';

/** Where events go, once it is open. */
export type EventStore = { commit(operations: readonly Operation[]): Promise<void> };

export type EventStreamOptions = {
  readonly meter: AgentMeter;
  readonly now?: () => Date;
  /** Between the first event that waits and its commit. Default 1 s: what a crash loses at most. */
  readonly flushMs?: number;
};

type Level = LogEvent['level'];
const ranks: Readonly<Record<Level, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** What waits in memory at most; a commit takes at most `maxCommitBytes` of it. */
const maxPendingBytes = 512 * 1024;
const maxCommitBytes = 128 * 1024;
/** A flood is cut to 50 events a second, after a burst. */
const floodRate = { count: 500, perMs: 10_000 };
/** After a commit that failed, doubled each time. */
const retryMs = { first: 2000, longest: 60_000 };

/**
 * Logs and metrics on their way into the stream `observability`. Never blocks and never fails whoever logs: events wait in
 * bounded memory for up to a second, then one commit takes them together; what does not fit is dropped and counted.
 *
 * It must not feed on itself: what is logged about this stream is left to the journal, and while the store fails, which is
 * logged too, it is tried less and less often.
 */
export class EventStream implements AsyncDisposable {
  readonly #options: Required<EventStreamOptions>;
  readonly #flood: TokenBucket;
  #minLevel: Level = 'info';
  #readers: ReadonlySet<string> = new Set();
  #pending: Operation[] = [];
  #pendingBytes = 0;
  #store: EventStore | undefined;
  #timer: NodeJS.Timeout | undefined;
  #due = 0;
  #failures = 0;
  /** Under way or waiting for their turn. */
  #commits = 0;
  #flushing: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: EventStreamOptions) {
    this.#options = { now: () => new Date(), flushMs: 1000, ...options };
    this.#flood = new TokenBucket(floodRate);
  }

  /** Events below `level` are left out; so is what is about functions that read this stream: it would wake them for ever. */
  configure({ level, readers }: { readonly level: Level; readonly readers: ReadonlySet<string> }): void {
    this.#minLevel = level;
    this.#readers = readers;
  }

  /** From now on events go to `store`; those that were logged before wait for it. Disposing it commits what waits. */
  attach(store: EventStore): AsyncDisposable {
    this.#store = store;
    this.#schedule();
    return this;
  }

  /** A sink of the logger. */
  readonly write = (event: LogEvent): void => {
    if (ranks[event.level] < ranks[this.#minLevel] || this.#isAboutItself(event)) return;
    if (this.#flood.take() > 0) {
      this.#drop(1, 'rate');
      return;
    }
    const { topic, event: observed } = logMessageOf(event);
    this.#add(topic, Date.parse(event.time), observed);
    this.#schedule();
  };

  /** Puts a snapshot of all metrics into the stream. Resolves when it is on disk, or is given up. */
  async writeMetrics(): Promise<void> {
    const { meter, now } = this.#options;
    const time = now();
    const event = metricsEventOf({ time, start: meter.started, metrics: meter.snapshot() });
    this.#add(observabilityTopics.metrics, time.getTime(), event);
    await this.#flush();
  }

  /** Commits what waits, once; what fails now is lost. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#flushing;
    while (this.#store && this.#pending.length > 0 && this.#failures === 0) await this.#flush();
    this.#store = undefined;
  }

  #add(topic: string, time: number, event: object): void {
    const payload = Buffer.from(JSON.stringify(event));
    const bytes = messageBytes({ topic, payload });
    if (this.#pendingBytes + bytes > maxPendingBytes) {
      this.#drop(1, 'buffer');
      return;
    }
    const message = { topic, payload, contentType: 'application/json' };
    this.#pending.push({ op: 'append', stream: observabilityStream, time, message });
    this.#pendingBytes += bytes;
  }

  #drop(count: number, reason: string): void {
    this.#options.meter.add('holdfast.observability.dropped', { reason }, count);
  }

  #schedule(): void {
    const isIdle = this.#store === undefined || this.#pending.length === 0;
    // Whatever is logged while a commit is under way, about it or not, waits for how it ends.
    if (isIdle || this.#isStopped || this.#commits > 0) return;
    const delayMs = this.#delayMs();
    const due = performance.now() + delayMs;
    if (this.#timer !== undefined && this.#due <= due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => void this.#flush(), delayMs).unref();
  }

  #delayMs(): number {
    if (this.#failures > 0) return Math.min(retryMs.longest, retryMs.first * 2 ** (this.#failures - 1));
    return this.#pendingBytes >= maxCommitBytes ? 0 : this.#options.flushMs;
  }

  #flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#commits += 1;
    this.#flushing = this.#flushing.then(async () => {
      await this.#commit();
      this.#commits -= 1;
      this.#schedule();
    });
    return this.#flushing;
  }

  async #commit(): Promise<void> {
    const { meter } = this.#options;
    const { operations, bytes } = this.#next();
    if (!this.#store || operations.length === 0) return;
    try {
      await this.#store.commit(operations);
    } catch (error) {
      this.#failed(error, operations, bytes);
      return;
    }
    this.#failures = 0;
    this.#pending.splice(0, operations.length);
    this.#pendingBytes -= bytes;
    meter.add('holdfast.observability.events', {}, operations.length);
  }

  #isAboutItself({ stream, function: name }: LogEvent): boolean {
    return stream === observabilityStream || (typeof name === 'string' && this.#readers.has(name));
  }

  #next(): { operations: Operation[]; bytes: number } {
    const operations: Operation[] = [];
    let bytes = 0;
    for (const operation of this.#pending) {
      if (operation.op !== 'append') continue;
      const size = messageBytes(operation.message);
      if (operations.length > 0 && bytes + size > maxCommitBytes) break;
      operations.push(operation);
      bytes += size;
    }
    return { operations, bytes };
  }

  /** A full disk may have room again, a broken store never: there is nothing to wait for. */
  #failed(error: unknown, operations: readonly Operation[], bytes: number): void {
    this.#failures += 1;
    const isTransient = (error as { transient?: unknown } | null)?.transient === true;
    if (isTransient) return;
    this.#pending.splice(0, operations.length);
    this.#pendingBytes -= bytes;
    this.#drop(operations.length, errorCode(error) ?? 'bug');
  }
}
