import { TokenBucket, type BucketRate } from '../../lib/token-bucket.ts';
import type { FunctionLog } from './ports.ts';

export type LogLimitsOptions = {
  readonly onLog: (entry: FunctionLog) => void;
  /** Milliseconds of a clock that never goes back. Default performance.now. */
  readonly uptimeMs?: () => number;
};

type Limit = {
  readonly bucket: TokenBucket;
  dropped: number;
  timer: NodeJS.Timeout | undefined;
};

/** A line about dropped lines comes this long after the first of them, so that a flood does not become one of these. */
const summaryAfterMs = 1000;

/** Lets the lines of a function through at the rate of its manifest. Others are dropped, and one line says how many. */
export class LogLimits implements Disposable {
  readonly #options: LogLimitsOptions;
  readonly #limits = new Map<string, Limit>();

  constructor(options: LogLimitsOptions) {
    this.#options = options;
  }

  /** A function that had another rate before begins with a full bucket. */
  setRate(name: string, rate: BucketRate): void {
    const before = this.#limits.get(name);
    if (before?.bucket.rate.count === rate.count && before.bucket.rate.perMs === rate.perMs) return;
    this.remove(name);
    this.#limits.set(name, {
      bucket: new TokenBucket(rate, this.#options.uptimeMs),
      dropped: 0,
      timer: undefined,
    });
  }

  remove(name: string): void {
    const limit = this.#limits.get(name);
    this.#limits.delete(name);
    clearTimeout(limit?.timer);
  }

  /** `finish` gives the message of a line that is let through its last form. */
  write(entry: FunctionLog, finish?: (message: string) => string): void {
    const limit = this.#limits.get(entry.function);
    if (!limit || limit.bucket.take() === 0) {
      this.#options.onLog(finish ? { ...entry, message: finish(entry.message) } : entry);
      return;
    }
    limit.dropped++;
    limit.timer ??= setTimeout(() => this.#summarize(limit, entry), summaryAfterMs).unref();
  }

  [Symbol.dispose](): void {
    for (const name of [...this.#limits.keys()]) this.remove(name);
  }

  #summarize(limit: Limit, { function: name, invocation }: FunctionLog): void {
    const { count, perMs } = limit.bucket.rate;
    const message = `${limit.dropped} log lines were dropped: more than ${count} in ${perMs / 1000} s`;
    limit.dropped = 0;
    limit.timer = undefined;
    const time = new Date().toISOString();
    this.#options.onLog({ function: name, invocation, level: 'warn', message, time });
  }
}
