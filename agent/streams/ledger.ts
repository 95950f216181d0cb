import type { DatabaseSync } from 'node:sqlite';
import { EventDraft } from './event-draft.ts';
import { loadLastEvent, loadQueued } from './event-reads.ts';
import { messageId } from './message-ids.ts';
import { streamNumbersOf, takeStreamNumber, type StreamNumbers } from './stream-numbers.ts';
import { messageBytes, type DailyBytes, type GapReason, type QueuedEvent } from './operations.ts';
import { SessionDraft, SessionLedger, type SessionCounts } from './session-ledger.ts';
import type { Pause, Spending } from './trigger-operations.ts';
import { loadPauses, loadSpendings } from './trigger-reads.ts';

export type StreamState = {
  /** Under which its messages are kept; 0 while it has none, see `giveNumbersBack`. */
  readonly number: number;
  readonly lastSeq: number;
  /** Every message up to this one is in the cloud. */
  readonly ackedSeq: number;
  /** How many are held, gaps left out, and what they count for. */
  readonly messages: number;
  readonly bytes: number;
  /** Numbers up to it belong to earlier epochs: in the present one, the relay counts from here. */
  readonly epochStart: number;
  /** What the relay sent today. */
  readonly spent: DailyBytes;
};

/** Where a consumer of a stream is, and what it sent today. */
export type ConsumerState = { readonly seq: number; readonly spent: DailyBytes };

const emptyStream: StreamState = {
  number: 0,
  lastSeq: 0,
  ackedSeq: 0,
  messages: 0,
  bytes: 0,
  epochStart: 0,
  spent: { day: '', bytes: 0 },
};

/** Numbers about what is on disk, by name: of streams, of queued and of dead events a function, of bytes a key-value store. */
export type Counts = {
  stream(name: string): StreamState;
  /** Those that are on disk, with their names. */
  streams(): Iterable<readonly [name: string, state: StreamState]>;
  readonly streamNumbers: StreamNumbers;
  /** The greatest id that an event had. */
  readonly lastEventId: number;
  /** Undefined when it never read the stream. */
  consumer(stream: string, name: string): ConsumerState | undefined;
  /** Names of those that have a cursor. */
  consumers(stream: string): readonly string[];
  /** Streams in which somebody has a cursor. */
  consumedStreams(): readonly string[];
  queued(functionName: string): number;
  dead(functionName: string): number;
  storeBytes(store: string): number;
  /** Undefined while a function is not paused by hand. */
  pause(functionName: string): Pause | undefined;
  /** Of the last day on which a function with a budget ran. */
  spending(functionName: string): Spending | undefined;
  retainedBytes(topic: string): number;
  readonly retainedTotal: { readonly topics: number; readonly bytes: number };
  /** Of MQTT clients. */
  readonly sessions: SessionCounts;
};

/**
 * Counters that every write needs and no write should have to query. A transaction works on a `Draft`; only its COMMIT
 * makes the draft the truth, so that a rolled back one leaves no trace here either.
 */
export class Ledger implements Counts {
  readonly sessions: SessionLedger;
  readonly #streams = new Map<string, StreamState>();
  #streamNumbers = streamNumbersOf([]);
  #lastEventId = 0;
  readonly #consumers = new Map<string, Map<string, ConsumerState>>();
  readonly #queued = new Map<string, number>();
  readonly #dead = new Map<string, number>();
  readonly #stores = new Map<string, number>();
  readonly #retained = new Map<string, number>();
  readonly #pauses = new Map<string, Pause>();
  readonly #spendings = new Map<string, Spending>();
  #retainedSum = 0;

  constructor(sessions = new SessionLedger()) {
    this.sessions = sessions;
  }

  static load(database: DatabaseSync): Ledger {
    const ledger = new Ledger(SessionLedger.load(database));
    const rows = (sql: string): Record<string, unknown>[] => database.prepare(sql).all();
    for (const row of rows('SELECT * FROM streams')) ledger.#streams.set(String(row.name), streamOf(row));
    ledger.#streamNumbers = streamNumbersOf([...ledger.#streams.values()].map(({ number }) => number));
    for (const row of rows('SELECT * FROM consumers'))
      ledger.#place(String(row.stream), String(row.name), { seq: Number(row.seq), spent: spentOf(row) });
    ledger.#lastEventId = loadLastEvent(database);
    for (const [name, count] of loadQueued(database)) ledger.#queued.set(name, count);
    for (const row of rows('SELECT function AS name, count(*) AS n FROM dead_letters GROUP BY function'))
      ledger.#dead.set(String(row.name), Number(row.n));
    for (const row of rows('SELECT store AS name, bytes AS n FROM kv_usage'))
      ledger.#stores.set(String(row.name), Number(row.n));
    for (const row of rows('SELECT topic, length(payload) AS n FROM retained'))
      ledger.#retain(String(row.topic), retainedSize(String(row.topic), Number(row.n)));
    for (const [name, pause] of loadPauses(database)) ledger.#pauses.set(name, pause);
    for (const [name, spending] of loadSpendings(database)) ledger.#spendings.set(name, spending);
    return ledger;
  }

  stream(name: string): StreamState {
    return this.#streams.get(name) ?? emptyStream;
  }
  streams(): Iterable<[string, StreamState]> {
    return this.#streams.entries();
  }
  get streamNumbers(): StreamNumbers {
    return this.#streamNumbers;
  }
  get lastEventId(): number {
    return this.#lastEventId;
  }
  consumer(stream: string, name: string): ConsumerState | undefined {
    return this.#consumers.get(stream)?.get(name);
  }
  consumers(stream: string): readonly string[] {
    return [...(this.#consumers.get(stream)?.keys() ?? [])];
  }
  consumedStreams(): readonly string[] {
    return [...this.#consumers.keys()];
  }
  queued(functionName: string): number {
    return this.#queued.get(functionName) ?? 0;
  }
  dead(functionName: string): number {
    return this.#dead.get(functionName) ?? 0;
  }
  storeBytes(store: string): number {
    return this.#stores.get(store) ?? 0;
  }
  pause(functionName: string): Pause | undefined {
    return this.#pauses.get(functionName);
  }
  spending(functionName: string): Spending | undefined {
    return this.#spendings.get(functionName);
  }
  retainedBytes(topic: string): number {
    return this.#retained.get(topic) ?? 0;
  }
  get retainedTotal(): { topics: number; bytes: number } {
    return { topics: this.#retained.size, bytes: this.#retainedSum };
  }

  /** A new relay epoch began: what is unacknowledged counts from 1 in it. */
  beginEpoch(): void {
    for (const [name, state] of this.#streams)
      this.#streams.set(name, { ...state, epochStart: state.ackedSeq });
  }

  /** The transaction of `draft` is on disk. */
  accept(draft: Draft): void {
    for (const [name, state] of draft.streams) this.#streams.set(name, state);
    this.#streamNumbers = draft.streamNumbers;
    for (const [stream, states] of draft.consumerStates)
      for (const [name, state] of states) this.#place(stream, name, state);
    for (const [name, count] of draft.queuedCounts) this.#queued.set(name, count);
    for (const [name, count] of draft.deadCounts) this.#dead.set(name, count);
    for (const [name, bytes] of draft.storeSizes) this.#stores.set(name, bytes);
    for (const [topic, bytes] of draft.retainedSizes) this.#retain(topic, bytes);
    this.#lastEventId = draft.events.lastId;
    this.sessions.accept(draft.sessions);
    for (const [name, spending] of draft.spendings) this.#spendings.set(name, spending);
    for (const [name, pause] of draft.pauses) {
      if (pause) this.#pauses.set(name, pause);
      else this.#pauses.delete(name);
    }
  }

  #place(stream: string, name: string, state: ConsumerState | undefined): void {
    const states = this.#consumers.get(stream) ?? new Map<string, ConsumerState>();
    if (state) states.set(name, state);
    else states.delete(name);
    if (states.size === 0) this.#consumers.delete(stream);
    else this.#consumers.set(stream, states);
  }

  #retain(topic: string, bytes: number): void {
    this.#retainedSum += bytes - this.retainedBytes(topic);
    if (bytes === 0) this.#retained.delete(topic);
    else this.#retained.set(topic, bytes);
  }
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** The changes of one transaction over the ledger. */
export class Draft {
  readonly streams = new Map<string, Writable<StreamState>>();
  /** By stream and name; undefined is one that is forgotten. */
  readonly consumerStates = new Map<string, Map<string, ConsumerState | undefined>>();
  readonly queuedCounts = new Map<string, number>();
  readonly deadCounts = new Map<string, number>();
  readonly storeSizes = new Map<string, number>();
  readonly retainedSizes = new Map<string, number>();
  readonly pauses = new Map<string, Pause | undefined>();
  readonly spendings = new Map<string, Spending>();
  /** New events by function, in the order of their ids. */
  readonly arrived = new Map<string, QueuedEvent[]>();
  /** Functions that have something else to do that is on disk. */
  readonly awakened = new Set<string>();
  /** What was dropped before all readers had it. */
  readonly dropped: { readonly stream: string; readonly reason: GapReason; readonly count: number }[] = [];
  /** Units that were left out, by their place in the group, and why. */
  readonly refused = new Map<number, Error>();
  readonly events: EventDraft;
  readonly sessions: SessionDraft;
  readonly #base: Counts;
  #streamNumbers: StreamNumbers;

  constructor(base: Counts) {
    this.#base = base;
    this.#streamNumbers = base.streamNumbers;
    this.events = new EventDraft(base.lastEventId);
    this.sessions = new SessionDraft(base.sessions);
  }

  stream(name: string): StreamState {
    return this.streams.get(name) ?? this.#base.stream(name);
  }
  get streamNumbers(): StreamNumbers {
    return this.#streamNumbers;
  }
  /** Those that were there before the transaction, as they are now. */
  *knownStreams(): Iterable<readonly [name: string, state: StreamState]> {
    for (const [name] of this.#base.streams()) yield [name, this.stream(name)];
  }
  /** Of a stream without rows, on disk as well: the number may be another one's from now on. */
  giveNumberBack(name: string): void {
    const own = this.#ownStream(name);
    const { last, free } = this.#streamNumbers;
    this.#streamNumbers = { last, free: [...free, own.number] };
    own.number = 0;
  }
  updateStream(name: string, change: Partial<StreamState>): void {
    Object.assign(this.#ownStream(name), change);
  }
  /** Counts one message more. Returns its row: the numbers of a stream go on where they were. */
  append(name: string, size: number): number {
    const own = this.#ownStream(name);
    if (own.number === 0) {
      const { taken, left } = takeStreamNumber(this.#streamNumbers);
      own.number = taken;
      this.#streamNumbers = left;
    }
    own.lastSeq++;
    own.messages++;
    own.bytes += size;
    return messageId(own.number, own.lastSeq);
  }
  /** Of a stream, before the transaction. */
  bytesBefore(name: string): number {
    return this.#base.stream(name).bytes;
  }
  consumer(stream: string, name: string): ConsumerState | undefined {
    const states = this.consumerStates.get(stream);
    return states?.has(name) ? states.get(name) : this.#base.consumer(stream, name);
  }
  placeConsumer(stream: string, name: string, state: ConsumerState | undefined): void {
    const states = this.consumerStates.get(stream) ?? new Map<string, ConsumerState | undefined>();
    this.consumerStates.set(stream, states.set(name, state));
  }
  queued(name: string): number {
    return this.queuedCounts.get(name) ?? this.#base.queued(name);
  }
  addQueued(name: string, change: number): void {
    this.queuedCounts.set(name, this.queued(name) + change);
  }
  dead(name: string): number {
    return this.deadCounts.get(name) ?? this.#base.dead(name);
  }
  arrive(event: QueuedEvent): void {
    const arrived = this.arrived.get(event.function);
    if (arrived) arrived.push(event);
    else this.arrived.set(event.function, [event]);
  }
  spending(name: string): Spending | undefined {
    return this.spendings.get(name) ?? this.#base.spending(name);
  }
  addDead(name: string, change: number): void {
    this.deadCounts.set(name, this.dead(name) + change);
  }
  addStoreBytes(store: string, change: number): void {
    this.storeSizes.set(store, (this.storeSizes.get(store) ?? this.#base.storeBytes(store)) + change);
  }

  #ownStream(name: string): Writable<StreamState> {
    const own = this.streams.get(name) ?? { ...this.#base.stream(name) };
    this.streams.set(name, own);
    return own;
  }
}

export function retainedSize(topic: string, payloadBytes: number): number {
  return payloadBytes === 0 ? 0 : messageBytes({ topic, payload: new Uint8Array() }) + payloadBytes;
}

function streamOf(row: Record<string, unknown>): StreamState {
  return {
    number: Number(row.number),
    lastSeq: Number(row.last_seq),
    ackedSeq: Number(row.acked_seq),
    messages: Number(row.messages),
    bytes: Number(row.bytes),
    epochStart: Number(row.epoch_start),
    spent: spentOf(row),
  };
}

function spentOf(row: Record<string, unknown>): DailyBytes {
  return { day: String(row.spent_day), bytes: Number(row.spent_bytes) };
}
