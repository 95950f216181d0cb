import { maxWaitMs, type NearEvents, type NearQuery } from '../streams/near-events.ts';
import type { QueuedEvent } from '../streams/operations.ts';

/** An event in memory. Times in milliseconds since 1970. */
export type Slot = {
  readonly event: QueuedEvent;
  attempts: number;
  innocentFailures: number;
  notBefore: number;
  /** When it came into memory; the wait for a full batch begins here. */
  since: number;
};

export type Next =
  /** One event, or the messages of one queue: at least one, at most its batch. */
  | { readonly kind: 'run'; readonly slots: readonly [Slot, ...Slot[]] }
  | { readonly kind: 'wait'; readonly delayMs: number }
  | { readonly kind: 'load' }
  | { readonly kind: 'idle' };

export type Batching = { readonly batch: number; readonly waitMs: number };

export type WindowSettings = {
  /** Events run in order, one after the other: a failing one holds the others. Messages of queues have no order to keep. */
  readonly ordered: boolean;
  readonly queues: ReadonlyMap<string, Batching>;
};

type Load = (query: Omit<NearQuery, 'function'>) => Promise<NearEvents>;

/** Below this many events in memory more are read. */
const lowWater = 16;
/** With so many in memory, new ones are left on disk and read later. What is read comes beside them: see `NearEvents`. */
const maxSlots = 256;
const maxBytes = 2 ** 20;
/** A clock that was set back must not hold an event for longer than the longest back-off. */
const maxDelayMs = 60_000;

/**
 * The events of one function's queue that are near: new ones as they come, older ones from disk, a page at a time. What waits
 * for a later time and holds nobody stays on disk until then.
 */
export class Window {
  readonly #load: Load;
  readonly #running = new Map<number, Slot>();
  #settings: WindowSettings = { ordered: true, queues: new Map() };
  #waiting = new Map<number, Slot>();
  #bytes = 0;
  #lastId = 0;
  #more = true;
  #loading = false;
  /** Another one: what is being read is not to be used. */
  #reading = 0;
  /** The waits that are on disk are over too. */
  #forgiven = false;
  /** When something on disk comes due that is not in memory. */
  #nextDue = Number.POSITIVE_INFINITY;

  constructor(load: Load) {
    this.#load = load;
  }

  configure(settings: WindowSettings): void {
    const begins = settings.ordered && !this.#settings.ordered;
    const moved = !sameKeys(settings.queues, this.#settings.queues);
    this.#settings = settings;
    // What waits on disk holds others from now on, or messages came from and went to other functions.
    if (begins || moved) this.reread();
  }

  /** Forgets what waits in memory: it is read anew from the oldest on. */
  reread(): void {
    for (const { event } of this.#waiting.values()) this.#bytes -= event.payload.byteLength;
    this.#waiting.clear();
    this.#lastId = 0;
    this.#more = true;
    this.#reading++;
  }

  /** What to do next. `run` takes the slots out until `settle`. `load` comes once, and only where one `loads`: call `refill`, then ask again. */
  next(now: number, { loads = true }: { readonly loads?: boolean } = {}): Next {
    let delayMs = Number.POSITIVE_INFINITY;
    for (const slot of this.#waiting.values()) {
      const remaining = this.#remaining(slot, now);
      const isQueue = slot.event.kind === 'queue';
      if (remaining <= 0)
        return { kind: 'run', slots: isQueue ? this.#batchWith(slot, now) : this.#take(slot) };
      delayMs = Math.min(delayMs, remaining);
      if (this.#settings.ordered && !isQueue) break;
    }
    // The end of a refill asks again.
    if (this.#loading) return { kind: 'idle' };
    if (loads && this.#waiting.size < lowWater) {
      const dueMs = this.#nextDue - now;
      if (this.#more || dueMs <= 0 || (dueMs > maxWaitMs && Number.isFinite(dueMs))) return { kind: 'load' };
      delayMs = Math.min(delayMs, dueMs);
    }
    return Number.isFinite(delayMs)
      ? { kind: 'wait', delayMs: Math.min(delayMs, maxDelayMs) }
      : { kind: 'idle' };
  }

  /** Everything in memory that could run now, taken out. */
  takeReady(now: number): Slot[] {
    const ready = [...this.#waiting.values()].filter(({ notBefore }) => notBefore <= now);
    for (const slot of ready) this.#take(slot);
    return ready;
  }

  /** Takes new events over as they come. What does not fit, and what comes while others are to be read, is read later. */
  offer(events: readonly QueuedEvent[], now: number): void {
    if (this.#more || this.#loading) {
      this.#more = true;
      return;
    }
    for (const event of events) {
      // Read while its commit was being synced, before it was told of.
      if (event.id <= this.#lastId) continue;
      if (this.#waiting.size >= maxSlots || this.#bytes >= maxBytes) {
        this.#more = true;
        return;
      }
      this.#lastId = event.id;
      if (event.notBefore > now && this.#parks(event))
        this.#nextDue = Math.min(this.#nextDue, event.notBefore);
      else this.#add(event, now);
    }
  }

  async refill(now: number): Promise<void> {
    const reading = this.#reading;
    this.#loading = true;
    this.#more = false;
    try {
      const { ordered } = this.#settings;
      const forgiven = this.#forgiven;
      const known = this.#waiting.size + this.#running.size;
      const query = { after: this.#lastId, now, ordered, forgiven, known };
      const { events, upTo, more, nextDue } = await this.#load(query);
      if (reading !== this.#reading) {
        this.#more = true;
        return;
      }
      for (const event of events)
        if (!this.#waiting.has(event.id) && !this.#running.has(event.id)) this.#add(event, now);
      if (forgiven) this.#pardon();
      this.#forgiven &&= more || nextDue === now;
      this.#lastId = Math.max(this.#lastId, upTo);
      this.#nextDue = nextDue ?? Number.POSITIVE_INFINITY;
      if (more) this.#more = true;
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

  /** An event that ran is done. */
  remove({ event }: Slot): void {
    this.#running.delete(event.id);
    this.#bytes -= event.payload.byteLength;
  }

  /** An event that ran is to run again. `onDisk`: its time and attempts are there too. */
  postpone(
    slot: Slot,
    change: Partial<Pick<Slot, 'notBefore' | 'attempts' | 'innocentFailures'>>,
    { onDisk }: { readonly onDisk: boolean },
  ): void {
    Object.assign(slot, change);
    const { event, notBefore } = slot;
    if (onDisk && this.#parks(event)) {
      this.remove(slot);
      this.#nextDue = Math.min(this.#nextDue, notBefore);
      return;
    }
    this.#running.delete(event.id);
    // Back to its place: in order, nothing overtakes it.
    const waiting = [...this.#waiting];
    const behind = waiting.findIndex(([id]) => id > event.id);
    waiting.splice(behind === -1 ? waiting.length : behind, 0, [event.id, slot]);
    this.#waiting = new Map(waiting);
  }

  /** Nothing waits for the end of a back-off any more. */
  forgive(): void {
    this.#forgiven = true;
    this.#more = true;
    this.#pardon();
  }

  #pardon(): void {
    for (const slot of this.#waiting.values()) {
      if (slot.event.kind === 'queue') continue;
      slot.notBefore = 0;
      slot.innocentFailures = 0;
    }
  }

  /** It holds nobody while it waits. */
  #parks({ kind }: QueuedEvent): boolean {
    return kind === 'queue' || !this.#settings.ordered;
  }

  #add(event: QueuedEvent, now: number): void {
    const { id, attempts, notBefore, payload } = event;
    this.#waiting.set(id, { event, attempts, innocentFailures: 0, notBefore, since: now });
    this.#bytes += payload.byteLength;
  }

  #take(slot: Slot): [Slot] {
    this.#waiting.delete(slot.event.id);
    this.#running.set(slot.event.id, slot);
    return [slot];
  }

  /** Milliseconds until it may run, the wait of its queue for a full batch included. */
  #remaining(slot: Slot, now: number): number {
    const { event, notBefore } = slot;
    if (notBefore > now) {
      if (notBefore - now > maxDelayMs && event.kind !== 'queue') slot.notBefore = now + maxDelayMs;
      return slot.notBefore - now;
    }
    if (event.kind !== 'queue') return 0;
    const { waitMs, batch } = this.#batching(event.topic);
    if (waitMs === 0) return 0;
    if (slot.since > now) slot.since = now;
    const remaining = Math.max(slot.since, notBefore) + waitMs - now;
    return remaining > 0 && this.#ready(event.topic, now, batch).length < batch ? remaining : 0;
  }

  #batchWith(first: Slot, now: number): [Slot, ...Slot[]] {
    const { topic } = first.event;
    const { batch } = this.#batching(topic);
    const others = this.#ready(topic, now, batch).filter((slot) => slot !== first);
    const rest = others.slice(0, batch - 1);
    for (const slot of [first, ...rest]) this.#take(slot);
    return [first, ...rest];
  }

  #ready(queue: string, now: number, limit: number): Slot[] {
    const found: Slot[] = [];
    for (const slot of this.#waiting.values()) {
      const { kind, topic } = slot.event;
      if (kind === 'queue' && topic === queue && slot.notBefore <= now) found.push(slot);
      if (found.length === limit) break;
    }
    return found;
  }

  #batching(queue: string): Batching {
    return this.#settings.queues.get(queue) ?? { batch: 1, waitMs: 0 };
  }
}

function sameKeys(some: ReadonlyMap<string, unknown>, others: ReadonlyMap<string, unknown>): boolean {
  return some.size === others.size && [...some.keys()].every((key) => others.has(key));
}
