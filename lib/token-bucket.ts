/** `count` in `perMs` milliseconds, and as many at once. */
export type BucketRate = { readonly count: number; readonly perMs: number };

/** Lets through `count` at once and then as fast as tokens come back: evenly, `count` in `perMs`. */
export class TokenBucket {
  readonly rate: BucketRate;
  /** Milliseconds of a clock that never goes back. */
  readonly #now: () => number;
  /** In tokens times `perMs`, so that whole milliseconds stay whole numbers. */
  #credit: number;
  #filledAt: number;

  constructor(rate: BucketRate, now: () => number = () => performance.now()) {
    this.rate = rate;
    this.#now = now;
    this.#credit = rate.count * rate.perMs;
    this.#filledAt = now();
  }

  /** Takes one token. 0: taken; else nothing is taken, and the milliseconds until there is one. */
  take(): number {
    const waitMs = this.waitMs();
    if (waitMs === 0) this.#credit -= this.rate.perMs;
    return waitMs;
  }

  /** Takes `count` tokens, more than there are too: the bucket then owes them. */
  spend(count: number): void {
    this.waitMs();
    this.#credit -= count * this.rate.perMs;
  }

  /** Milliseconds until there is a token; 0 when there is one. */
  waitMs(): number {
    const { count, perMs } = this.rate;
    const now = this.#now();
    this.#credit = Math.min(count * perMs, this.#credit + (now - this.#filledAt) * count);
    this.#filledAt = now;
    return this.#credit >= perMs ? 0 : Math.ceil((perMs - this.#credit) / count);
  }
}
