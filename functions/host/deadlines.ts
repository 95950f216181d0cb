/**
 * Many deadlines on one timer: setting and deleting one costs a map entry, because most are deleted long before they are due.
 * Times are of `performance.now()`, milliseconds.
 */
export class Deadlines<Key> {
  readonly #onDue: (key: Key) => void;
  readonly #due = new Map<Key, number>();
  #timer: NodeJS.Timeout | undefined;
  #armedMs = Infinity;

  /** `onDue` may set and delete deadlines; each key is told once. The timer does not keep the process alive. */
  constructor(onDue: (key: Key) => void) {
    this.#onDue = onDue;
  }

  set(key: Key, afterMs: number): void {
    const dueMs = performance.now() + afterMs;
    this.#due.set(key, dueMs);
    if (dueMs < this.#armedMs) this.#arm(dueMs, afterMs);
  }

  delete(key: Key): void {
    this.#due.delete(key);
  }

  clear(): void {
    this.#due.clear();
    clearTimeout(this.#timer);
    this.#armedMs = Infinity;
  }

  #arm(dueMs: number, afterMs: number): void {
    clearTimeout(this.#timer);
    this.#armedMs = dueMs;
    // A millisecond more: timers may fire that much early.
    this.#timer = setTimeout(() => this.#look(), Math.min(afterMs + 1, 2 ** 31 - 1)).unref();
  }

  #look(): void {
    this.#armedMs = Infinity;
    const nowMs = performance.now();
    const due: Key[] = [];
    let nextMs = Infinity;
    for (const [key, dueMs] of this.#due) {
      if (dueMs <= nowMs) due.push(key);
      else if (dueMs < nextMs) nextMs = dueMs;
    }
    if (nextMs < Infinity) this.#arm(nextMs, nextMs - nowMs);
    for (const key of due) if (this.#due.delete(key)) this.#onDue(key);
  }
}
