import { FunctionError } from '../function-error.ts';

/** Lets `concurrency` callers in, the others wait in order, at most `queue` of them. */
export class Gate {
  readonly #concurrency: number;
  readonly #queue: number;
  readonly #waiting: (() => void)[] = [];
  #inside = 0;

  constructor({ concurrency, queue }: { readonly concurrency: number; readonly queue: number }) {
    this.#concurrency = concurrency;
    this.#queue = queue;
  }

  /** Resolves to the way out, to be called once. Rejects with FunctionError `queueFull`, or with the signal's reason. */
  async enter(name: string, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#inside < this.#concurrency) {
      this.#inside++;
      return () => this.#leave();
    }
    if (this.#waiting.length >= this.#queue) {
      throw new FunctionError('queueFull', `Function ${name} already has ${this.#queue} events waiting`, {
        transient: true,
        hint: `Raise functions.${name}.limits.queue or concurrency, or send fewer events.`,
      });
    }
    await new Promise<void>((resolve, reject) => {
      const abort = () => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1);
        reject(signal.reason as Error);
      };
      const go = () => {
        signal.removeEventListener('abort', abort);
        resolve();
      };
      this.#waiting.push(go);
      signal.addEventListener('abort', abort, { once: true });
    });
    return () => this.#leave();
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#inside--;
  }
}
