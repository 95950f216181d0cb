/** Milliseconds: about what it takes to wake another thread for a sync and to be woken by it. */
const quickMs = 0.5;
/** Of a sync here in the average: one that takes longer than 5 ms, or several that are slow, move the next ones away. */
const weight = 1 / 16;
/** Syncs beside this thread until one here is tried again: doubled each time that was slow. */
const firstInterval = 64;
const lastInterval = 4096;

/**
 * Where to sync: a disk that answers at once is waited for in this thread, any other one beside it. How long the disk itself
 * takes shows only here; beside, the event loop has its part in it.
 */
export class SyncPlace {
  #averageMs = Number.POSITIVE_INFINITY;
  #interval = firstInterval;
  #untilTrial = firstInterval;

  /** Of the next sync. */
  get isHere(): boolean {
    return this.#isQuick() || this.#untilTrial === 0;
  }

  /** A sync was done beside this thread. */
  noteBeside(): void {
    this.#untilTrial = Math.max(0, this.#untilTrial - 1);
  }

  /** A sync was done in this thread. */
  noteHere(durationMs: number): void {
    const wasTrial = !this.#isQuick();
    this.#averageMs = wasTrial ? durationMs : this.#averageMs + (durationMs - this.#averageMs) * weight;
    if (this.#isQuick()) return;
    this.#interval = wasTrial ? Math.min(this.#interval * 2, lastInterval) : firstInterval;
    this.#untilTrial = this.#interval;
  }

  #isQuick(): boolean {
    return this.#averageMs <= quickMs;
  }
}
