/** Does one thing after the other: a function never has more than one thread of the process for what it asks of it. */
export class WorkQueue {
  #tail: Promise<unknown> = Promise.resolve();

  /** Resolves to undefined when, at its turn, the work is no longer wanted. Rejects as `work` does. */
  add<T>(isWanted: () => boolean, work: () => Promise<T>): Promise<T | undefined> {
    const result = this.#tail.then(() => (isWanted() ? work() : undefined));
    this.#tail = result.catch(() => undefined);
    return result;
  }
}
