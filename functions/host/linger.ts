/**
 * Keeps the event loop turning for a moment after something happened, because the next thing often follows at once and waking
 * a process that sleeps takes longer than handling an event. Costs at most `lingerMs` of processor time for each burst.
 */
const lingerMs = 0.2;

export class Linger {
  #untilMs = 0;
  #turning = false;

  touch(): void {
    this.#untilMs = performance.now() + lingerMs;
    if (this.#turning) return;
    this.#turning = true;
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    if (performance.now() < this.#untilMs) setImmediate(this.#turn);
    else this.#turning = false;
  };
}
