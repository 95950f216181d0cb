/** Changes this close together are told as one. */
const gatherMs = 1000;

/** Tells listeners that something changed, at most once a second. */
export class ChangeSignal implements Disposable {
  readonly #listeners = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;

  notify(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      for (const listener of this.#listeners) listener();
    }, gatherMs);
  }

  /** Returns what ends it. The listener must not throw. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  [Symbol.dispose](): void {
    this.#listeners.clear();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
