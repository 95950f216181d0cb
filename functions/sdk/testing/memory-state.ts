import { FunctionError } from '../../function-error.ts';
import type { InvocationEffects } from '../../runtime/ports.ts';
import { MemoryShadows, type ShadowChanges } from './memory-shadows.ts';

export type StoredMessage = {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1;
  readonly retain: boolean;
  readonly contentType?: string | undefined;
};
export type QueuedMessage = {
  readonly queue: string;
  readonly body: Uint8Array;
  readonly contentType?: string | undefined;
  readonly delayMs: number;
};
type Entry = { readonly value: Uint8Array; readonly expiresAt: number | undefined };
type Check = { readonly store: string; readonly key: string; readonly expected: Uint8Array | null };

/** What functions leave behind, in memory: key-value stores whose values expire by `now` (milliseconds since 1970), publishes, queues, shadows. */
export class MemoryState {
  readonly published: StoredMessage[] = [];
  readonly queued: QueuedMessage[] = [];
  readonly shadows: MemoryShadows;
  readonly #stores = new Map<string, Map<string, Entry>>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
    this.shadows = new MemoryShadows(now);
  }

  get(store: string, key: string): Uint8Array | undefined {
    const entry = this.#stores.get(store)?.get(key);
    return entry && !this.isExpired(entry) ? entry.value : undefined;
  }

  /** `undefined` deletes. */
  set(store: string, key: string, entry: Entry | undefined): void {
    const entries = this.#stores.get(store) ?? new Map<string, Entry>();
    this.#stores.set(store, entries);
    if (entry) entries.set(key, entry);
    else entries.delete(key);
  }

  /** Ascending by their UTF-8 bytes, as on a device. */
  keys(store: string): string[] {
    const entries = [...(this.#stores.get(store) ?? [])].filter(([, entry]) => !this.isExpired(entry));
    return entries.map(([key]) => key).sort(byBytes);
  }

  isExpired({ expiresAt }: Entry): boolean {
    return expiresAt !== undefined && expiresAt <= this.#now();
  }

  begin(): MemoryTransaction {
    return new MemoryTransaction(this);
  }
}

/** The effects of one invocation: it reads its own writes, and nobody else does before `commit`. */
export class MemoryTransaction implements InvocationEffects {
  readonly #state: MemoryState;
  /** By store and key, separated by NUL, which no key contains. */
  readonly #writes = new Map<string, { store: string; key: string; entry: Entry | undefined }>();
  readonly #checks: Check[] = [];
  readonly #published: StoredMessage[] = [];
  readonly #queued: QueuedMessage[] = [];
  readonly #shadows: ShadowChanges;

  constructor(state: MemoryState) {
    this.#state = state;
    this.#shadows = state.shadows.begin();
  }

  publish(message: StoredMessage): void {
    this.#published.push(message);
  }

  queueSend(queue: string, message: Omit<QueuedMessage, 'queue'>): void {
    this.#queued.push({ queue, ...message });
  }

  kvGet(store: string, key: string): Uint8Array | undefined {
    const written = this.#writes.get(`${store}\0${key}`);
    if (!written) return this.#state.get(store, key);
    return written.entry && !this.#state.isExpired(written.entry) ? written.entry.value : undefined;
  }

  kvPut(
    store: string,
    key: string,
    value: Uint8Array,
    {
      expiresAt,
      expected,
    }: { expiresAt?: number | undefined; expected?: Uint8Array | null | undefined } = {},
  ): boolean {
    if (expected !== undefined) {
      if (!isSame(this.kvGet(store, key), expected)) return false;
      if (!this.#writes.has(`${store}\0${key}`)) this.#checks.push({ store, key, expected });
    }
    this.#write(store, key, { value, expiresAt });
    return true;
  }

  kvDelete(store: string, key: string): void {
    this.#write(store, key, undefined);
  }

  kvList(store: string, { prefix, limit }: { readonly prefix: string; readonly limit: number }): string[] {
    const written = [...this.#writes.values()].filter((write) => write.store === store);
    const keys = new Set([...this.#state.keys(store), ...written.map(({ key }) => key)]);
    return [...keys]
      .filter((key) => key.startsWith(prefix) && this.kvGet(store, key) !== undefined)
      .sort(byBytes)
      .slice(0, limit);
  }

  shadowGet(...[name]: Parameters<InvocationEffects['shadowGet']>) {
    return this.#shadows.shadowGet(name);
  }

  shadowUpdate(...[name, request]: Parameters<InvocationEffects['shadowUpdate']>) {
    return this.#shadows.shadowUpdate(name, request);
  }

  shadowDelete(...[name, request]: Parameters<InvocationEffects['shadowDelete']>) {
    return this.#shadows.shadowDelete(name, request);
  }

  /** All effects at once, or none: false when a value that a put expected, or a shadow that was changed, is another by now. */
  commit(): boolean {
    if (!this.#shadows.holds()) return false;
    for (const { store, key, expected } of this.#checks) {
      if (!isSame(this.#state.get(store, key), expected)) return false;
    }
    for (const { store, key, entry } of this.#writes.values()) this.#state.set(store, key, entry);
    this.#shadows.commit();
    this.#state.published.push(...this.#published);
    this.#state.queued.push(...this.#queued);
    return true;
  }

  #write(store: string, key: string, entry: Entry | undefined): void {
    this.#writes.set(`${store}\0${key}`, { store, key, entry });
  }
}

const attempts = 50;

/**
 * Runs `work` with the effects of an invocation and keeps them when it succeeds; again, as a device does, when another
 * invocation changed what it expected.
 */
export async function commitEffects<T>(
  state: MemoryState,
  work: (effects: MemoryTransaction) => Promise<T>,
): Promise<T> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const transaction = state.begin();
    const result = await work(transaction);
    if (transaction.commit()) return result;
  }
  throw new FunctionError('cancelled', `The values that it expected changed ${attempts} times while it ran`);
}

function isSame(value: Uint8Array | undefined, expected: Uint8Array | null): boolean {
  if (value === undefined || expected === null) return value === undefined && expected === null;
  return Buffer.compare(value, expected) === 0;
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
