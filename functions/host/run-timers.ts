import { limits } from './protocol.ts';

/** The timers of one invocation: the host keeps the clock. */
export class RunTimers {
  readonly #timers = new Map<number, NodeJS.Timeout>();

  set(timer: number, delayMs: number, fire: () => void): void {
    this.clear(timer);
    // One more than the isolate counts: it looks by one whether anything is under way.
    if (this.#timers.size > limits.timers) return;
    const fireOnce = () => {
      this.#timers.delete(timer);
      fire();
    };
    this.#timers.set(timer, setTimeout(fireOnce, delayMs));
  }

  clear(timer: number): void {
    clearTimeout(this.#timers.get(timer));
    this.#timers.delete(timer);
  }

  clearAll(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }
}
