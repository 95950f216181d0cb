import type { Logger } from '../../lib/logger.ts';
import { AgentError } from '../errors.ts';
import { maxPayloadBytes, type IncomingMessage } from '../streams/bounds.ts';
import { checkRetainedRoom } from '../streams/check-retained-room.ts';
import type { LocalStore } from '../streams/local-store.ts';
import type { Operation } from '../streams/operations.ts';
import { messageOperations } from './message-operations.ts';
import { Routes } from './routes.ts';

export type IngressOptions = {
  readonly store: Pick<LocalStore, 'commit' | 'counts' | 'onCommit'>;
  readonly logger: Logger;
  readonly now: () => Date;
  /** How long a message waits for room in a function's queue. Default 30 s. */
  readonly holdMs?: number;
  /** Messages that may wait. Default 1000. */
  readonly maxHeld?: number;
};

type Held = {
  readonly functions: readonly string[];
  readonly admit: () => void;
  readonly refuse: (error: AgentError) => void;
};

/**
 * Takes messages of clients over: on disk before the promise resolves [G1].
 *
 * When a function's queue is full, the message is held, and with it the client's socket: back-pressure instead of a PUBACK
 * that lies. After `holdMs`, or beyond `maxHeld` messages, it is refused, and the broker disconnects the publisher, which
 * keeps the message and sends it again when it is back.
 */
export class Ingress implements Disposable {
  readonly #options: Required<IngressOptions>;
  readonly #reserved = new Map<string, number>();
  readonly #held = new Set<Held>();
  readonly #stopListening: () => void;
  #routes = new Routes({ streams: {}, functions: {} });

  constructor(options: IngressOptions) {
    this.#options = { holdMs: 30_000, maxHeld: 1000, ...options };
    this.#stopListening = options.store.onCommit(() => this.#admitHeld());
  }

  get routes(): Routes {
    return this.#routes;
  }

  setRoutes(routes: Routes): void {
    this.#routes = routes;
    this.#admitHeld();
  }

  /** `also` is committed with it. Rejects with AgentError: 'tooLarge', 'queueFull', or what the store's commit rejects with. */
  async accept(message: IncomingMessage, also: readonly Operation[] = []): Promise<void> {
    const { store, now } = this.#options;
    this.#check(message);
    const { functions } = this.#routes.of(message.topic);
    if (!this.#enterAtOnce(functions)) await this.#enter(functions);
    try {
      const operations = messageOperations(this.#routes, message, {
        time: now().getTime(),
        hops: 0,
        // Room was reserved: the count on disk may only lag behind.
        capacity: () => Number.MAX_SAFE_INTEGER,
      });
      await store.commit(also.length === 0 ? operations : [...operations, ...also]);
    } finally {
      for (const name of functions) this.#reserve(name, -1);
    }
  }

  /** Events that the queue of a function has room for now; those that messages on their way need are taken off. */
  room(functionName: string): number {
    const taken = this.#options.store.counts.queued(functionName) + (this.#reserved.get(functionName) ?? 0);
    return this.#routes.capacity(functionName) - taken;
  }

  [Symbol.dispose](): void {
    this.#stopListening();
    for (const held of this.#held) held.refuse(new AgentError('closed', 'The agent is stopping'));
  }

  #check(message: IncomingMessage): void {
    const { payload } = message;
    if (payload.byteLength > maxPayloadBytes)
      throw new AgentError(
        'tooLarge',
        `A message of ${payload.byteLength} bytes; at most ${maxPayloadBytes} are taken`,
      );
    checkRetainedRoom(this.#options.store.counts, message);
  }

  /** False when there is no room, or others wait for some. */
  #enterAtOnce(functions: readonly string[]): boolean {
    if (functions.length === 0) return true;
    if (this.#held.size > 0 || !this.#hasRoom(functions)) return false;
    for (const name of functions) this.#reserve(name, 1);
    return true;
  }

  /** In order of arrival for every function. */
  async #enter(functions: readonly string[]): Promise<void> {
    const { maxHeld, holdMs, logger } = this.#options;
    if (this.#held.size >= maxHeld) throw queueFull(functions, `${maxHeld} messages wait already`);
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const held: Held = { functions, admit: () => resolve(undefined), refuse: reject };
    this.#held.add(held);
    if (this.#held.size === 1) logger.warn('mqtt.publish.held', { functions });
    const timer = setTimeout(() => reject(queueFull(functions, `no room for ${holdMs} ms`)), holdMs);
    this.#admitHeld();
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#held.delete(held);
    }
  }

  #admitHeld(): void {
    const blocked = new Set<string>();
    for (const held of this.#held) {
      if (held.functions.some((name) => blocked.has(name)) || !this.#hasRoom(held.functions)) {
        for (const name of held.functions) blocked.add(name);
        continue;
      }
      for (const name of held.functions) this.#reserve(name, 1);
      this.#held.delete(held);
      held.admit();
    }
  }

  #hasRoom(functions: readonly string[]): boolean {
    return functions.every((name) => this.room(name) > 0);
  }

  #reserve(name: string, change: 1 | -1): void {
    const count = (this.#reserved.get(name) ?? 0) + change;
    if (count === 0) this.#reserved.delete(name);
    else this.#reserved.set(name, count);
  }
}

function queueFull(functions: readonly string[], why: string): AgentError {
  return new AgentError('queueFull', `The queue of ${functions.join(', ')} is full: ${why}`, {
    hint: 'Publish more slowly, raise limits.queue, or make the function faster.',
    transient: true,
  });
}
