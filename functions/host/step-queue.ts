import type ivm from 'isolated-vm';

/** One entry of the isolate. */
export type Step<T> = {
  /** Whose it is; nobody's when empty. */
  readonly owners: readonly number[];
  /** What it may use. */
  readonly cpuMs: number;
  /** `work` holds this thread until it is done, and looks after its time itself: nobody could look at it meanwhile. */
  readonly holdsThread?: boolean;
  readonly work: () => Promise<T>;
  /** Told what it used. */
  readonly measured?: (cpuMs: number) => void;
};

/** What was used when a step began; `othersMs` of a step that has a thread of its own. */
type Start = {
  readonly isolateMs: number;
  readonly askedMs: number;
  readonly othersMs: number | undefined;
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
  /** What this thread did for the isolate while that waited. */
  #askedMs = 0;
  #start: Start | undefined;
  #lastCpuMs = 0;
  #overdue: NodeJS.Timeout | undefined;
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

  /** What the step that runs has used so far, 0 when none does; of one that holds this thread, what it asked for. */
  usedMs(): number {
    const start = this.#start;
    if (!start) return 0;
    const asked = this.#askedMs - start.askedMs;
    if (start.othersMs === undefined) return asked;
    const others = othersCpuMs() - start.othersMs;
    // isolated-vm counts a step that still runs by the clock: whether the processor was really had, the process tells.
    const own = this.#isolate.isDisposed ? others : Math.min(this.#cpuMs() - start.isolateMs, others);
    return asked + own;
  }

  /** Charges what `answer` does on this thread to the step that asks. */
  charging<A extends unknown[], R>(answer: (...args: A) => R): (...args: A) => R {
    return (...args) => {
      const before = process.threadCpuUsage();
      try {
        return answer(...args);
      } finally {
        const { user, system } = process.threadCpuUsage(before);
        this.#askedMs += (user + system) / 1000;
      }
    };
  }

  /** The isolate was disposed of: some builtins do not listen to that, and hold their thread for hours. */
  expectEnd(graceMs: number, onOverdue: () => void): void {
    if (this.busy) this.#overdue ??= setTimeout(onOverdue, graceMs);
  }

  async #step<T>({ owners, cpuMs, holdsThread, work, measured }: Step<T>): Promise<T> {
    const isolateMs = this.#cpuMs();
    const askedMs = this.#askedMs;
    this.#start = { isolateMs, askedMs, othersMs: holdsThread ? undefined : othersCpuMs() };
    this.current = owners;
    this.busy = true;
    const watch = holdsThread ? undefined : this.#watch(cpuMs, owners);
    try {
      return await work();
    } finally {
      watch?.stop();
      clearTimeout(this.#overdue);
      this.#start = undefined;
      this.current = [];
      this.busy = false;
      measured?.(this.#cpuMs() - isolateMs + this.#askedMs - askedMs);
    }
  }

  /** CPU time never runs faster than the clock, so the next look is due no sooner than what is left. */
  #watch(limitMs: number, owners: readonly number[]) {
    const look = () => {
      const used = this.usedMs();
      if (used < limitMs) {
        timer = setTimeout(look, Math.max(1, limitMs - used));
        return;
      }
      this.stopped = 'cpu';
      this.#onStop(owners);
      if (!this.#isolate.isDisposed) this.#isolate.dispose();
    };
    let timer = setTimeout(look, Math.max(1, limitMs));
    return { stop: () => clearTimeout(timer) };
  }

  #cpuMs(): number {
    if (!this.#isolate.isDisposed) this.#lastCpuMs = Number(this.#isolate.cpuTime) / 1e6;
    return this.#lastCpuMs;
  }
}

/** CPU time of all threads but this one: of the isolates that have threads of their own, and of what helps them. */
function othersCpuMs(): number {
  const all = process.cpuUsage();
  const own = process.threadCpuUsage();
  return (all.user + all.system - own.user - own.system) / 1000;
}
