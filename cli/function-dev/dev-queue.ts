import { randomUUID } from 'node:crypto';
import type { InvocationEvent, InvocationResult } from '../../functions/runtime/ports.ts';
import type { QueuedMessage } from '../../functions/sdk/testing/memory-state.ts';

export type DevQueueOptions = {
  readonly queue: string;
  /** Most messages of one delivery. */
  readonly batch: number;
  readonly retries: number;
  /** Resolves to undefined when the invocation failed. */
  readonly deliver: (event: InvocationEvent) => Promise<InvocationResult | undefined>;
  readonly onDead: (queue: string, count: number) => void;
};

type Waiting = QueuedMessage & { readonly id: string; readonly time: string; readonly attempts: number };

const maxWaiting = 10_000;
const retryDelayMs = 1000;

/** A queue that the function both fills and empties, in memory. */
export class DevQueue implements Disposable {
  readonly #options: DevQueueOptions;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #ready: Waiting[] = [];
  #delivering = false;

  constructor(options: DevQueueOptions) {
    this.#options = options;
  }

  /** Beyond 10,000 waiting messages they are dropped, as dead. */
  add(message: QueuedMessage): void {
    this.#later(
      { ...message, id: randomUUID(), time: new Date().toISOString(), attempts: 1 },
      message.delayMs,
    );
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#ready.length = 0;
  }

  #later(message: Waiting, delayMs: number): void {
    const { queue, retries, onDead } = this.#options;
    if (message.attempts > retries + 1 || this.#timers.size + this.#ready.length >= maxWaiting) {
      onDead(queue, 1);
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#ready.push(message);
      void this.#deliver();
    }, delayMs);
    this.#timers.add(timer);
  }

  async #deliver(): Promise<void> {
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      while (this.#ready.length > 0) await this.#batch(this.#ready.splice(0, this.#options.batch));
    } finally {
      this.#delivering = false;
    }
  }

  async #batch(messages: readonly Waiting[]): Promise<void> {
    const { queue, deliver } = this.#options;
    const result = await deliver({ kind: 'queue', queue, messages });
    const failed = messages.map(({ id }) => ({ id, delayMs: retryDelayMs }));
    for (const { id, delayMs } of result ? (result.queue?.retry ?? []) : failed) {
      const message = messages.find((candidate) => candidate.id === id);
      if (message) this.#later({ ...message, attempts: message.attempts + 1 }, delayMs ?? 0);
    }
  }
}
