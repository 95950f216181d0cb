/** A session that lasted this long was a good one. */
const goodSessionMs = 30_000;

/**
 * How long to wait before the next connection, as the attempt number of a back-off. A cut link comes back at once; what is
 * let in and soon thrown out again, time after time, comes back ever more slowly, from its third short session on.
 */
export class ReconnectPace {
  #failures = 0;
  #shortSessions = 0;

  /** A session ended after it had been established for `livedMs`. */
  ended(livedMs: number): void {
    this.#failures = 0;
    this.#shortSessions = livedMs >= goodSessionMs ? 0 : this.#shortSessions + 1;
  }

  /** No session came about. */
  failed(): void {
    this.#failures += 1;
  }

  /** 1 or more. */
  get attempt(): number {
    return Math.max(1, this.#failures, this.#shortSessions - 1);
  }
}
