import { setTimeout as sleep } from 'node:timers/promises';
import type { MqttClient } from 'mqtt';
import { errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import { TokenBucket } from '../../lib/token-bucket.ts';
import type { BridgeSpec } from '../../manifests/network.ts';
import { DailyBudget, msToNextDay } from '../relay/daily-budget.ts';
import type { GapReason, StreamMessage, StreamRecord } from '../streams/operations.ts';
import { bridgeConsumer } from '../streams/stream-readers.ts';
import type { BridgeStore } from './ports.ts';
import type { PriorityGate } from './priority-gate.ts';
import { mapTopic } from './topic-mapping.ts';

export type BridgeReaderOptions = {
  readonly bridge: string;
  readonly index: number;
  readonly spec: BridgeSpec['out'][number];
  readonly device: string;
  /** Bridges whose messages are not sent: this one, and others to the same broker. */
  readonly origins: ReadonlySet<string>;
  readonly store: BridgeStore;
  readonly now: () => Date;
  readonly logger: Logger;
};

/** Why messages were not sent: as in the stream, or because no topic fits them there. */
export type MissReason = GapReason | 'topic';

export type ReaderStatus = {
  readonly stream: string;
  readonly cursor: number;
  readonly backlog: number;
  /** Since the start of the agent. */
  readonly sent: number;
  readonly missed: Partial<Record<MissReason, number>>;
};

/** A message on its way, or one that needs not go. In the order of the stream. */
type Step = { readonly seq: number; isDone: boolean };

const page = { limit: 256, maxBytes: 256 * 1024 };
/** PUBACKs that come within this time move the cursor on disk together. What is lost of it is sent again. */
const saveDelayMs = 50;
const maxSleepMs = 60_000;
/** Of an MQTT PUBLISH beside topic and payload. */
const packetBytes = 8;

/**
 * Publishes one stream to another broker, in order, many messages at a time. The cursor follows the PUBACKs in order, so that
 * whatever was not acknowledged is published again: at least once. [G5]
 */
export class BridgeReader {
  readonly #options: BridgeReaderOptions;
  readonly #consumer: string;
  readonly #budget: DailyBudget;
  readonly #bucket: TokenBucket | undefined;
  readonly #missed = new Map<MissReason, number>();
  #steps: Step[] = [];
  #cursor: number;
  #isNew: boolean;
  /** Up to here, what is missing was counted: over a new connection it is read again, and not counted again. */
  #counted: number;
  #sent = 0;
  #progressAt = 0;
  #saveTimer: NodeJS.Timeout | undefined;

  constructor(options: BridgeReaderOptions) {
    this.#options = options;
    const { bridge, index, spec, store } = options;
    this.#consumer = bridgeConsumer(bridge, index);
    const state = store.counts.consumer(spec.stream, this.#consumer);
    this.#cursor = state?.seq ?? 0;
    this.#isNew = state === undefined;
    this.#counted = this.#cursor;
    this.#budget = new DailyBudget(state?.spent ?? { day: '', bytes: 0 });
    this.#bucket = spec.rate === undefined ? undefined : new TokenBucket({ count: spec.rate, perMs: 1000 });
  }

  get status(): ReaderStatus {
    const { store, spec } = this.#options;
    const backlog = Math.max(0, store.counts.stream(spec.stream).lastSeq - this.#cursor);
    const missed = Object.fromEntries(this.#missed);
    return { stream: spec.stream, cursor: this.#cursor, backlog, sent: this.#sent, missed };
  }

  /** Milliseconds for which messages have been on their way and none was acknowledged; 0 when none is. */
  get stalledMs(): number {
    return this.#steps.length === 0 ? 0 : performance.now() - this.#progressAt;
  }

  /** Publishes over one connection until `signal` aborts; rejects then, or when the store cannot be read. */
  async run(client: MqttClient, gate: PriorityGate, signal: AbortSignal): Promise<void> {
    this.#steps = [];
    this.#followOperator();
    using woken = this.#wakeups();
    for (let read = this.#cursor; ;) {
      signal.throwIfAborted();
      const { store, spec } = this.#options;
      const { lastSeq } = store.counts.stream(spec.stream);
      if (read >= lastSeq) {
        await woken.wait(signal);
        continue;
      }
      const records = await store.records({ ...page, stream: spec.stream, after: read });
      for (const record of records) {
        this.#countHole(record, read);
        const message = this.#wanted(record);
        if (message) await this.#publish(client, { seq: record.seq, message, gate, signal });
        else this.#done({ seq: record.seq, isDone: false });
        read = record.seq;
        this.#counted = Math.max(this.#counted, read);
      }
      if (records.length > 0) continue;
      if (!this.#isNew) this.#miss('disk', lastSeq, lastSeq - read);
      this.#done({ seq: lastSeq, isDone: false });
      read = lastSeq;
      this.#counted = Math.max(this.#counted, read);
    }
  }

  /** Writes down how far it came. */
  async stop(): Promise<void> {
    this.#steps = [];
    clearTimeout(this.#saveTimer);
    await this.#save();
  }

  /** The cursor on disk may have been moved by hand since. */
  #followOperator(): void {
    const { store, spec } = this.#options;
    if (this.#saveTimer !== undefined) return;
    this.#cursor = store.counts.consumer(spec.stream, this.#consumer)?.seq ?? this.#cursor;
  }

  /** What is to be published of a record; the rest is counted. */
  #wanted({ seq, time, ...rest }: StreamRecord): StreamMessage | undefined {
    const { spec, origins, now } = this.#options;
    if (rest.gap) {
      this.#miss(rest.gap.reason, seq, rest.gap.count);
      return undefined;
    }
    const { message } = rest;
    if (message.origin !== undefined && origins.has(message.origin)) return undefined;
    if (spec.ttl === undefined || time >= now().getTime() - spec.ttl) return message;
    this.#miss('ttl', seq, 1);
    return undefined;
  }

  async #publish(
    client: MqttClient,
    {
      seq,
      message: { topic, payload },
      gate,
      signal,
    }: {
      readonly seq: number;
      readonly message: StreamMessage;
      readonly gate: PriorityGate;
      readonly signal: AbortSignal;
    },
  ): Promise<void> {
    const { spec, device, now } = this.#options;
    const mapped = mapTopic(topic, spec, device);
    const step: Step = { seq, isDone: false };
    if (mapped === undefined) {
      this.#miss('topic', seq, 1);
      this.#done(step);
      return;
    }
    const bytes = payload.byteLength + topic.length;
    await this.#allowance(bytes, signal);
    if (!gate.tryEnter(bytes)) await gate.enter(spec.priority, bytes, signal);
    signal.throwIfAborted();
    this.#budget.spend(bytes, now());
    this.#bucket?.spend(bytes + packetBytes);
    if (this.#steps.length === 0) this.#progressAt = performance.now();
    this.#steps.push(step);
    const packet = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    client.publish(mapped, packet, { qos: spec.qos, retain: spec.retain }, (error) => {
      gate.leave(bytes);
      // Without a connection everything that was on its way goes again over the next.
      if (error || signal.aborted) return;
      this.#sent++;
      this.#progressAt = performance.now();
      step.isDone = true;
      this.#settle();
    });
  }

  /** Waits until the day's budget and the rate allow so many bytes. */
  async #allowance(bytes: number, signal: AbortSignal): Promise<void> {
    const { spec, now } = this.#options;
    for (;;) {
      const left = this.#budget.left(spec.budget, now());
      const fits = left === undefined || bytes <= left.bytes || left.fresh;
      const waitMs = Math.max(fits ? 0 : msToNextDay(now()), this.#bucket?.waitMs() ?? 0);
      if (waitMs === 0) return;
      await sleep(Math.min(waitMs, maxSleepMs), undefined, { signal });
    }
  }

  /** Something that needs no acknowledgement, in its place among those that do. */
  #done(step: Step): void {
    step.isDone = true;
    if (this.#steps.length > 0) this.#steps.push(step);
    else this.#moveTo(step.seq);
  }

  #settle(): void {
    let count = 0;
    while (this.#steps[count]?.isDone) count++;
    const last = this.#steps[count - 1];
    if (!last) return;
    this.#steps.splice(0, count);
    this.#moveTo(last.seq);
  }

  #moveTo(seq: number): void {
    this.#cursor = seq;
    this.#saveTimer ??= setTimeout(() => void this.#save(), saveDelayMs);
  }

  /** One commit for everything since the last. */
  async #save(): Promise<void> {
    this.#saveTimer = undefined;
    const { store, spec, logger } = this.#options;
    const seq = this.#cursor;
    if (seq <= (store.counts.consumer(spec.stream, this.#consumer)?.seq ?? 0)) return;
    const place = { stream: spec.stream, consumer: this.#consumer, seq };
    await store
      .commit([{ op: 'advance', ...place, spent: this.#budget.spent }])
      .catch((error: unknown) => logger.warn('bridge.cursor.failed', { error: errorMessage(error) }));
    this.#isNew = false;
  }

  /** Numbers that are missing on disk. A new reader misses nothing of what was there before it. */
  #countHole({ seq, gap }: StreamRecord, read: number): void {
    const covered = gap ? Math.min(gap.count, seq - read) : 1;
    if (!this.#isNew) this.#miss('disk', seq, seq - covered - read);
    this.#isNew = false;
  }

  /** `count` messages of which `seq` is the last. */
  #miss(reason: MissReason, seq: number, count: number): void {
    if (count <= 0 || seq <= this.#counted) return;
    const before = this.#missed.get(reason) ?? 0;
    this.#missed.set(reason, before + count);
    // Many of one kind come one after the other: the first says it.
    if (before === 0)
      this.#options.logger.warn('bridge.missed', { stream: this.#options.spec.stream, reason, count });
  }

  /** Ends a wait for a commit that touches the stream. */
  #wakeups(): Disposable & { readonly wait: (signal: AbortSignal) => Promise<void> } {
    const { store, spec } = this.#options;
    let wake: (() => void) | undefined;
    const stop = store.onCommit(({ streams }) => {
      if (streams.has(spec.stream)) wake?.();
    });
    return {
      wait: (signal) =>
        new Promise<void>((resolve) => {
          const go = (): void => {
            signal.removeEventListener('abort', go);
            wake = undefined;
            resolve();
          };
          wake = go;
          signal.addEventListener('abort', go, { once: true });
        }),
      [Symbol.dispose]: stop,
    };
  }
}
