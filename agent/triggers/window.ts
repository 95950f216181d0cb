import type { QueuedEvent } from '../streams/operations.ts';

/** An event in memory. */
export type Slot = {
  readonly event: QueuedEvent;
  running: boolean;
  attempts: number;
  innocentFailures: number;
  /** Milliseconds since 1970. */
  notBefore: number;
};

export type Next =
  | { readonly kind: 'run'; readonly slot: Slot }
  | { readonly kind: 'wait'; readonly delayMs: number }
  | { readonly kind: 'load' }
  | { readonly kind: 'idle' };

/** Below this many events in memory more are read. */
const lowWater = 16;
/** A clock that was set back must not hold an event for longer than the longest back-off. */
const maxDelayMs = 60_000;

/** The oldest events of one function's queue, read from disk a page at a time. */
export class Window {
  readonly #load: (after: number) => Promise<readonly QueuedEvent[]>;
  #slots: Slot[] = [];
  #lastId = 0;
  #more = true;
  #loading = false;

  constructor(load: (after: number) => Promise<readonly QueuedEvent[]>) {
    this.#load = load;
  }

  /**
   * What to do next. `run` marks the slot as running. With `ordered` only the oldest event is considered. `load` comes
   * once: the caller calls `refill` and then asks again.
   */
  next(now: number, { ordered }: { readonly ordered: boolean }): Next {
    const candidates = ordered ? this.#slots.slice(0, 1) : this.#slots;
    let delayMs = maxDelayMs;
    for (const slot of candidates) {
      if (slot.running) continue;
      const remaining = Math.min(slot.notBefore - now, maxDelayMs);
      if (remaining <= 0) {
        slot.running = true;
        return { kind: 'run', slot };
      }
      delayMs = Math.min(delayMs, remaining);
    }
    if (this.#more && !this.#loading && this.#slots.length < lowWater) return { kind: 'load' };
    return candidates.some(({ running }) => !running) ? { kind: 'wait', delayMs } : { kind: 'idle' };
  }

  async refill(): Promise<void> {
    this.#loading = true;
    this.#more = false;
    try {
      const events = await this.#load(this.#lastId);
      for (const event of events) {
        const { attempts, notBefore } = event;
        this.#slots.push({ event, running: false, attempts, innocentFailures: 0, notBefore });
      }
      this.#lastId = events.at(-1)?.id ?? this.#lastId;
      if (events.length > 0) this.#more = true;
    } catch (error) {
      this.#more = true;
      throw error;
    } finally {
      this.#loading = false;
    }
  }

  /** The queue on disk may hold more than was read. */
  expectMore(): void {
    this.#more = true;
  }

  remove(slot: Slot): void {
    this.#slots = this.#slots.filter((other) => other !== slot);
  }

  postpone(slot: Slot, change: Partial<Pick<Slot, 'notBefore' | 'attempts' | 'innocentFailures'>>): void {
    Object.assign(slot, change);
  }

  /** Nothing waits for the end of a back-off any more. */
  forgive(): void {
    for (const slot of this.#slots) {
      slot.notBefore = 0;
      slot.innocentFailures = 0;
    }
  }
}
