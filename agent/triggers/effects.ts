import {
  documentMessage,
  type ShadowDocument,
  type UpdateRequest,
} from '../../lib/shadow/shadow-messages.ts';
import type { BareRequest, Outcome } from '../../lib/shadow/shadow-request.ts';
import { AgentError } from '../errors.ts';
import { ShadowTransaction } from '../shadows/shadow-transaction.ts';
import { parseShadowRequest } from '../shadows/shadow-topics.ts';
import {
  maxKeyBytes,
  maxPayloadBytes,
  maxStoreBytes,
  maxTopicBytes,
  maxValueBytes,
} from '../streams/bounds.ts';
import { checkRetainedRoom } from '../streams/check-retained-room.ts';
import type { LocalStore } from '../streams/local-store.ts';
import type { Operation } from '../streams/operations.ts';
import { messageOperations, queueOperation } from './message-operations.ts';
import type { DeletedShadow, InvocationEffects, PublishedMessage } from './ports.ts';
import type { Routes } from './routes.ts';

/** What one invocation may buffer in all. */
const maxEffects = 10_000;
const maxEffectBytes = 16 * 2 ** 20;
const maxListed = 1000;

export type EffectsOptions = {
  readonly store: Pick<LocalStore, 'value' | 'keys' | 'counts'>;
  readonly routes: Routes;
  /** Of the event that is handled; what is published has one more. */
  readonly hops: number;
  readonly now?: () => Date;
};

type PutOptions = Parameters<InvocationEffects['kvPut']>[3];
type Write = { readonly value: Uint8Array; readonly expires: number | undefined } | undefined;
type Sent = { readonly queue: string; readonly message: Parameters<InvocationEffects['queueSend']>[1] };

/**
 * What one invocation wants to change, kept in memory until it ends: it reads its own writes, the world sees none. The
 * caller commits `operations()` together with the end of the event, so a crash leaves all or nothing of an attempt.
 */
export class Effects implements InvocationEffects {
  readonly #options: EffectsOptions;
  readonly #now: () => Date;
  /** By store and key; undefined is a removal. */
  readonly #writes = new Map<string, Map<string, Write>>();
  /** Stored values that conditional writes are based on: the commit holds only if they are still there. */
  readonly #bases = new Map<string, Map<string, Uint8Array | null>>();
  readonly #published: PublishedMessage[] = [];
  readonly #sent: Sent[] = [];
  readonly #shadows: ShadowTransaction;
  #count = 0;
  #bytes = 0;

  constructor(options: EffectsOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => new Date());
    const say = (message: PublishedMessage): void => this.#say(message);
    this.#shadows = new ShadowTransaction({ store: options.store, now: this.#now, say });
  }

  /** In the order they were published, with what is said about shadows. */
  get published(): readonly PublishedMessage[] {
    return this.#published;
  }

  /** What is asked of a shadow is done, and answered, in the same transaction. Throws AgentError 'tooLarge' or 'badInput'. */
  publish(message: PublishedMessage): void | Promise<void> {
    const { topic, payload } = message;
    if (payload.byteLength > maxPayloadBytes)
      throw tooLarge('A published message', payload.byteLength, maxPayloadBytes);
    const topicBytes = Buffer.byteLength(topic);
    if (topicBytes === 0 || topicBytes > maxTopicBytes || /[+#\0]/.test(topic) || topic.startsWith('$'))
      throw new AgentError(
        'badInput',
        `Cannot publish on ${JSON.stringify(topic.slice(0, 80))}: not a topic to publish on`,
      );
    checkRetainedRoom(this.#options.store.counts, message);
    this.#say(message);
    const request = parseShadowRequest(topic);
    return request && this.#shadows.answer(request, payload);
  }

  async shadowGet(name: string): Promise<ShadowDocument | undefined> {
    const shadow = await this.#shadows.get(name);
    return shadow && documentMessage(shadow);
  }

  async shadowUpdate(name: string, request: UpdateRequest): Promise<Outcome<ShadowDocument>> {
    const { accepted: shadow, rejected } = await this.#shadows.update(name, request);
    return rejected ? { rejected } : { accepted: documentMessage(shadow, request.clientToken) };
  }

  async shadowDelete(name: string, request: BareRequest): Promise<Outcome<DeletedShadow>> {
    const { accepted: gone, rejected } = await this.#shadows.delete(name, request);
    return rejected ? { rejected } : { accepted: { version: gone.version, timestamp: gone.timestamp } };
  }

  kvGet(store: string, key: string): Promise<Uint8Array | undefined> {
    const writes = this.#writes.get(store);
    if (writes?.has(key)) return Promise.resolve(this.#seen(writes.get(key)));
    return this.#options.store.value(store, key);
  }

  kvPut(
    store: string,
    key: string,
    value: Uint8Array,
    { expiresAt, expected }: PutOptions = {},
  ): boolean | Promise<boolean> {
    const write = { value, expires: expiresAt };
    if (expected !== undefined) return this.#putIf(store, key, { expected, write });
    this.#put(store, key, write);
    return true;
  }

  async #putIf(
    store: string,
    key: string,
    { expected, write }: { readonly expected: Uint8Array | null; readonly write: NonNullable<Write> },
  ): Promise<boolean> {
    const own = this.#writes.get(store)?.has(key) ?? false;
    const found = await this.kvGet(store, key);
    if (!sameValue(found, expected)) return false;
    this.#put(store, key, write);
    const bases = this.#bases.get(store) ?? new Map<string, Uint8Array | null>();
    if (!own) this.#bases.set(store, bases.set(key, expected));
    return true;
  }

  #put(store: string, key: string, write: NonNullable<Write>): void {
    const { value } = write;
    const keyBytes = Buffer.byteLength(key);
    if (keyBytes === 0 || keyBytes > maxKeyBytes) throw tooLarge('A key', keyBytes, maxKeyBytes);
    if (value.byteLength > maxValueBytes)
      throw tooLarge(`The value of ${key}`, value.byteLength, maxValueBytes);
    const used = this.#options.store.counts.storeBytes(store) + this.#bytes + value.byteLength;
    if (used > maxStoreBytes) throw tooLarge(`The key-value store ${store}`, used, maxStoreBytes);
    this.#charge(keyBytes + value.byteLength);
    this.#write(store, key, write);
  }

  queueSend(queue: string, message: Sent['message']): void {
    const { byteLength } = message.body;
    if (byteLength > maxPayloadBytes) throw tooLarge('A message of a queue', byteLength, maxPayloadBytes);
    this.#charge(byteLength + queue.length);
    this.#sent.push({ queue, message });
  }

  kvDelete(store: string, key: string): void {
    this.#charge(Buffer.byteLength(key));
    this.#write(store, key, undefined);
  }

  /** Keys that begin with `prefix`, in order of their UTF-8 bytes; at most 1000. */
  async kvList(
    store: string,
    options: { readonly prefix: string; readonly limit: number },
  ): Promise<string[]> {
    const limit = Math.min(options.limit, maxListed);
    const { prefix } = options;
    const own = [...(this.#writes.get(store) ?? [])].filter(([key]) => key.startsWith(prefix));
    const removed = own.filter(([, write]) => this.#seen(write) === undefined).length;
    const stored = await this.#options.store.keys({ store, prefix, after: '', limit: limit + removed });
    const keys = new Set(stored);
    for (const [key, write] of own) {
      if (this.#seen(write) === undefined) keys.delete(key);
      else keys.add(key);
    }
    return [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))).slice(0, limit);
  }

  operations(time: number): Operation[] {
    const { routes, hops } = this.#options;
    const operations = [...this.#keyValueOperations(time), ...this.#shadows.operations(time)];
    // A function cannot be held back in the middle: the queues it feeds take double, then dead letters.
    const capacity = (name: string): number => 2 * routes.capacity(name);
    for (const message of this.#published)
      operations.push(...messageOperations(routes, message, { time, hops: hops + 1, capacity }));
    for (const { queue, message } of this.#sent)
      operations.push(queueOperation(routes, queue, { message, time }));
    return operations;
  }

  #keyValueOperations(time: number): Operation[] {
    const operations: Operation[] = [];
    for (const [store, bases] of this.#bases)
      for (const [key, expected] of bases) operations.push({ op: 'check', store, key, expected, time });
    for (const [store, writes] of this.#writes)
      for (const [key, write] of writes)
        operations.push(write ? { op: 'put', store, key, ...write } : { op: 'remove', store, key });
    return operations;
  }

  /** What is left of an own write. */
  #seen(write: Write): Uint8Array | undefined {
    if (write?.expires !== undefined && write.expires <= this.#now().getTime()) return undefined;
    return write?.value;
  }

  #say(message: PublishedMessage): void {
    this.#charge(message.payload.byteLength + Buffer.byteLength(message.topic));
    this.#published.push(message);
  }

  #write(store: string, key: string, write: Write): void {
    const writes = this.#writes.get(store) ?? new Map<string, Write>();
    this.#writes.set(store, writes.set(key, write));
  }

  #charge(bytes: number): void {
    this.#count++;
    this.#bytes += bytes;
    if (this.#count > maxEffects)
      throw tooLarge('The number of writes of one invocation', this.#count, maxEffects);
    if (this.#bytes > maxEffectBytes)
      throw tooLarge('What one invocation writes', this.#bytes, maxEffectBytes);
  }
}

function sameValue(found: Uint8Array | undefined, expected: Uint8Array | null): boolean {
  if (expected === null || found === undefined) return expected === null && found === undefined;
  return Buffer.compare(found, expected) === 0;
}

function tooLarge(what: string, found: number, limit: number): AgentError {
  return new AgentError('tooLarge', `${what} is ${found}; at least 1 and at most ${limit} is taken`);
}
