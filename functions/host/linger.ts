/**
 * Keeps the event loop turning for a moment after something was sent, because the answer often follows at once and waking a process
 * that sleeps takes longer than handling an event. Only while answers do come that soon: where they take longer, whoever works on
 * them may need the processor. Costs at most `lingerMs` of processor time for each burst. That is about twice what an event takes to a
 * host and back: with less, one slow answer makes the process sleep, and its waking makes the next ones slow.
 */
const lingerMs = 0.5;
/** How much the last answer counts against all before it. */
const weight = 1 / 8;
/** Fewer are soon where others want the processor too: whoever turns there uses up his share of it, and waits himself then. */
const leastSoon = 7 / 8;

export class Linger {
  #sentMs: number | undefined;
  /** The share of answers, the latest above all, that came within `lingerMs`. */
  #soon = 1;
  #turning = false;

  /** Something was sent, and an answer may follow. */
  touch(): void {
    this.#sentMs = performance.now();
    if (this.#turning || this.#soon < leastSoon) return;
    this.#turning = true;
    setImmediate(this.#turn);
  }

  /** Something came. The first thing after `touch` tells how long answers take. */
  heard(): void {
    if (this.#sentMs === undefined) return;
    const isSoon = performance.now() - this.#sentMs < lingerMs;
    this.#sentMs = undefined;
    this.#soon += weight * ((isSoon ? 1 : 0) - this.#soon);
  }

  readonly #turn = (): void => {
    this.#turning = this.#sentMs !== undefined && performance.now() - this.#sentMs < lingerMs;
    if (this.#turning) setImmediate(this.#turn);
  };
}
