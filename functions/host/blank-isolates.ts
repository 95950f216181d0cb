import ivm from 'isolated-vm';
import type { Inside } from './inside-snapshot.ts';

/** An isolate that no tenant has been in, with its context under way. */
export type Blank = {
  readonly isolate: ivm.Isolate;
  readonly memoryMb: number;
  readonly context: Promise<ivm.Context>;
  /** V8 has lost control of the isolate; whoever has it says what then. */
  onCatastrophe: (message: string) => void;
};

export type BlankIsolatesOptions = {
  readonly inside: Inside;
  /** Nothing runs and nothing loads: making an isolate holds up the process for some milliseconds. */
  readonly isQuiet: () => boolean;
};

const quietCheckMs = 5;
/** In a process that is never quiet the next one is made all the same. */
const maxWaitMs = 1000;
const defaultMemoryMb = 32;

/** Keeps one blank isolate of the memory limit that was wanted last, so that a cold start need not wait for one. */
export class BlankIsolates {
  readonly #options: BlankIsolatesOptions;
  #ready: Blank | undefined;
  #memoryMb = defaultMemoryMb;
  #scheduled = false;

  constructor(options: BlankIsolatesOptions) {
    this.#options = options;
    this.#refillSoon(performance.now());
  }

  /** Answers what isolates ask. */
  get answer(): Inside['answer'] {
    return this.#options.inside.answer;
  }

  take(memoryMb: number): Blank {
    const ready = this.#ready;
    this.#memoryMb = memoryMb;
    this.#refillSoon(performance.now());
    if (ready?.memoryMb !== memoryMb || ready.isolate.isDisposed) return this.#make(memoryMb);
    this.#ready = undefined;
    return ready;
  }

  #refillSoon(sinceMs: number): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setTimeout(() => {
      this.#scheduled = false;
      if (this.#options.isQuiet() || performance.now() - sinceMs > maxWaitMs) this.#refill();
      else this.#refillSoon(sinceMs);
    }, quietCheckMs);
  }

  #refill(): void {
    if (this.#ready?.memoryMb === this.#memoryMb) return;
    this.#ready?.isolate.dispose();
    this.#ready = this.#make(this.#memoryMb);
  }

  #make(memoryMb: number): Blank {
    const isolate: ivm.Isolate = new ivm.Isolate({
      memoryLimit: memoryMb,
      snapshot: this.#options.inside.snapshot,
      onCatastrophicError: (message) => blank.onCatastrophe(message),
    });
    const context = isolate.createContext();
    // Whoever takes it sees the failure too.
    context.catch(() => undefined);
    const blank: Blank = { isolate, memoryMb, context, onCatastrophe: () => process.abort() };
    return blank;
  }
}
