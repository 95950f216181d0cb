import type ivm from 'isolated-vm';

/** One entry of the isolate. */
export type Step<T> = {
  /** Whose it is; nobody's when empty. */
  readonly owners: readonly number[];
  /** What it may use. */
  readonly cpuMs: number;
  readonly work: () => Promise<T>;
  /** Told what it used. */
  readonly measured?: (cpuMs: number) => void;
};

/**
 * Enters one isolate one step at a time, so that CPU time belongs to the owners of one step, and disposes of the isolate when a
 * step uses up its CPU time. CPU time, not wall clock: a busy machine does not kill an honest function.
 */
export class StepQueue {
  /** Whose step runs now. */
  current: readonly number[] = [];
  busy = false;
  /** Set once the isolate was disposed of for using too much CPU. */
  stopped: 'cpu' | undefined;
  readonly #isolate: ivm.Isolate;
  readonly #onStop: (suspects: readonly number[]) => void;
  #lastCpuMs = 0;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(isolate: ivm.Isolate, onStop: (suspects: readonly number[]) => void) {
    this.#isolate = isolate;
    this.#onStop = onStop;
  }

  /** `prepare` is asked when the turn comes. Rejects as `work` does; after the isolate was disposed of, with isolated-vm's error. */
  run<T>(prepare: () => Step<T>): Promise<T> {
    const result = this.#tail.then(() => this.#step(prepare()));
    this.#tail = result.catch(() => undefined);
    return result;
  }

  async #step<T>({ owners, cpuMs, work, measured }: Step<T>): Promise<T> {
    const before = this.#cpuMs();
    this.current = owners;
    this.busy = true;
    const watch = this.#watch(cpuMs, owners);
    try {
      return await work();
    } finally {
      watch.stop();
      this.current = [];
      this.busy = false;
      measured?.(this.#cpuMs() - before);
    }
  }

  /**
   * CPU time never runs faster than the clock, so the next look is due no sooner than what is left. isolated-vm counts a step
   * that still runs by the clock: whether the processor was really had, all isolates of this process together tell.
   */
  #watch(limitMs: number, owners: readonly number[]) {
    let timer: NodeJS.Timeout | undefined;
    const before = this.#cpuMs();
    const allBefore = isolatesCpuMs();
    const look = () => {
      const used = Math.min(this.#cpuMs() - before, isolatesCpuMs() - allBefore);
      if (used < limitMs) {
        timer = setTimeout(look, Math.max(1, limitMs - used));
        return;
      }
      this.stopped = 'cpu';
      if (!this.#isolate.isDisposed) this.#isolate.dispose();
      this.#onStop(owners);
    };
    timer = setTimeout(look, Math.max(1, limitMs));
    return { stop: () => clearTimeout(timer) };
  }

  #cpuMs(): number {
    if (!this.#isolate.isDisposed) this.#lastCpuMs = Number(this.#isolate.cpuTime) / 1e6;
    return this.#lastCpuMs;
  }
}

/** CPU time of all threads but this one, which runs no isolate of a function. */
function isolatesCpuMs(): number {
  const all = process.cpuUsage();
  const own = process.threadCpuUsage();
  return (all.user + all.system - own.user - own.system) / 1000;
}
