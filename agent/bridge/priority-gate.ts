type Waiter = { readonly priority: number; readonly bytes: number; readonly enter: () => void };

/** Room for a number of messages and bytes at once; when it is tight, the lowest number of priority goes first. */
export class PriorityGate {
  readonly #limits: { readonly count: number; readonly bytes: number };
  #count = 0;
  #bytes = 0;
  #waiters: Waiter[] = [];

  constructor(limits: { readonly count: number; readonly bytes: number }) {
    this.#limits = limits;
  }

  /** True when there is room, which is then taken, and nobody waits. One message always has room. */
  tryEnter(bytes: number): boolean {
    if (this.#waiters.length > 0 || !this.#hasRoom(bytes)) return false;
    this.#take(bytes);
    return true;
  }

  /** Resolves when there is room, which is then taken; rejects on abort. */
  async enter(priority: number, bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.tryEnter(bytes)) return;
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const waiter = { priority, bytes, enter: () => resolve(undefined) };
    const behind = this.#waiters.findIndex((other) => other.priority > priority);
    this.#waiters.splice(behind === -1 ? this.#waiters.length : behind, 0, waiter);
    const abandon = (): void => {
      this.#waiters = this.#waiters.filter((other) => other !== waiter);
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', abandon, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', abandon);
    }
  }

  leave(bytes: number): void {
    this.#count--;
    this.#bytes -= bytes;
    for (let next = this.#waiters[0]; next && this.#hasRoom(next.bytes); next = this.#waiters[0]) {
      this.#waiters.shift();
      this.#take(next.bytes);
      next.enter();
    }
  }

  #hasRoom(bytes: number): boolean {
    if (this.#count === 0) return true;
    return this.#count < this.#limits.count && this.#bytes + bytes <= this.#limits.bytes;
  }

  #take(bytes: number): void {
    this.#count++;
    this.#bytes += bytes;
  }
}
