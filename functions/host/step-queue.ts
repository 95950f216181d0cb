import type ivm from 'isolated-vm';

/**
 * Enters one isolate one step at a time, so that CPU time belongs to exactly one invocation, and disposes of the isolate when a
 * step uses up its CPU time. CPU time, not wall clock: a busy machine does not kill an honest function.
 */
export class StepQueue {
  /** The invocation whose step runs now. */
  current: number | undefined;
  busy = false;
  /** Set once the isolate was disposed of for using too much CPU. */
  stopped: 'cpu' | undefined;
  readonly #isolate: ivm.Isolate;
  readonly #onStop: (invocation: number | undefined) => void;
  #lastCpuMs = 0;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(isolate: ivm.Isolate, onStop: (invocation: number | undefined) => void) {
    this.#isolate = isolate;
    this.#onStop = onStop;
  }

  /** `cpuMs`: what the step may use, asked when its turn comes. Rejects as `work` does; after the isolate was disposed of, with isolated-vm's error. */
  run<T>(
    invocation: number | undefined,
    cpuMs: () => number,
    work: () => Promise<T>,
    measured?: (cpuMs: number) => void,
  ): Promise<T> {
    const result = this.#tail.then(() => this.#step(invocation, cpuMs, work, measured));
    this.#tail = result.catch(() => undefined);
    return result;
  }

  async #step<T>(
    invocation: number | undefined,
    cpuMs: () => number,
    work: () => Promise<T>,
    measured?: (cpuMs: number) => void,
  ): Promise<T> {
    const before = this.#cpuMs();
    this.current = invocation;
    this.busy = true;
    const watch = this.#watch(before + cpuMs(), invocation);
    try {
      return await work();
    } finally {
      watch.stop();
      this.current = undefined;
      this.busy = false;
      measured?.(this.#cpuMs() - before);
    }
  }

  /** CPU time never runs faster than the clock, so the next look is due no sooner than what is left. */
  #watch(limitMs: number, invocation: number | undefined) {
    let timer: NodeJS.Timeout | undefined;
    const look = () => {
      const left = limitMs - this.#cpuMs();
      if (left > 0) {
        timer = setTimeout(look, Math.max(1, left));
        return;
      }
      this.stopped = 'cpu';
      if (!this.#isolate.isDisposed) this.#isolate.dispose();
      this.#onStop(invocation);
    };
    look();
    return { stop: () => clearTimeout(timer) };
  }

  #cpuMs(): number {
    if (!this.#isolate.isDisposed) this.#lastCpuMs = Number(this.#isolate.cpuTime) / 1e6;
    return this.#lastCpuMs;
  }
}
