import type { RelayAck } from '../../cloud-sync/protocol/messages.ts';
import { errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import { backoffMs } from '../../lib/retry.ts';
import { TokenBucket } from '../../lib/token-bucket.ts';
import type { StreamSpec } from '../../manifests/data.ts';
import type { LocalStore } from '../streams/local-store.ts';
import { BatchBuilder, batchLimits } from './batch.ts';
import { BatchCompressor } from './batch-compressor.ts';
import { DailyBudget, msToNextDay } from './daily-budget.ts';
import type { UplinkPort } from './ports.ts';
import { SendWindow } from './send-window.ts';

export type StreamSenderOptions = {
  readonly stream: string;
  readonly store: Pick<LocalStore, 'records' | 'commit' | 'counts' | 'epoch'>;
  readonly now: () => Date;
  readonly ackTimeoutMs: number;
  readonly random: () => number;
  readonly logger: Logger;
  /** Something else may be due now than before. */
  readonly onChange: () => void;
  /** The cloud has more of this epoch than this device. */
  readonly onAhead: (seq: number) => void;
  /** So many bytes of payloads and topics were read and sent, and are garbage now. */
  readonly onPassed: (bytes: number) => void;
};

export type RelaySpec = NonNullable<StreamSpec['relay']>;

/** A batch that was gathered and is not acknowledged. `sentAt` is undefined while it is being compressed. */
type Flight = {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly bytes: number;
  wireBytes: number;
  sentAt: number | undefined;
};

/** Pages read for one batch: long stretches of messages that are too old shrink to one gap. */
const maxPages = 20;
const retryDelays = { minDelayMs: 500, maxDelayMs: 30_000 };
/** Links a batch may be lost over before it is suspected of ending them. */
const freeReconnections = 2;
/** Acks that come within this time move the cursor on disk together. What is lost of it is sent again, and recognised. */
const saveDelayMs = 50;
/** Of a `rate`: a batch holds at most what may go in this time. */
const rateSpanS = 2;

/**
 * Sends one stream up, in order, several batches at a time. The cursor on disk moves only by the cloud's acks; a hole, an
 * ack that goes back and a lost link all mean: again from the cursor. [G5]
 */
export class StreamSender {
  readonly #options: StreamSenderOptions;
  readonly #budget: DailyBudget;
  readonly #compressor = new BatchCompressor();
  #spec: RelaySpec;
  #bucket: TokenBucket | undefined;
  #window = new SendWindow();
  /** Every number up to it is in the cloud, as far as known. Behind the one on disk only when the cloud lost something. */
  #cursor: number;
  #flights: Flight[] = [];
  /** Up to here messages are in `#flights`, or in the cloud. */
  #gathered: number;
  /** Counts the times that everything began again from the cursor. */
  #round = 0;
  /** Everything was sent again from this cursor, and it did not move since. */
  #rewound = false;
  #gathering = false;
  /** Batches of this connection that the cloud has not said anything to; it answers each once, in order. */
  #unanswered = 0;
  #meanBytes = 0;
  /** Ends when the batch gathered last was handed to the link. */
  #turn: Promise<void> = Promise.resolve();
  /** Since the cursor moved last. */
  #failures = 0;
  #notBefore = 0;
  /** When that was found. A clock that was set back behind it ends the waiting. */
  #pausedAt = 0;
  #ackTimer: NodeJS.Timeout | undefined;
  #saveTimer: NodeJS.Timeout | undefined;

  constructor(options: StreamSenderOptions, spec: RelaySpec) {
    this.#options = options;
    const { ackedSeq, spent } = options.store.counts.stream(options.stream);
    this.#cursor = ackedSeq;
    this.#gathered = ackedSeq;
    this.#budget = new DailyBudget(spent);
    this.#spec = spec;
    this.#bucket = bucketOf(spec);
  }

  get priority(): number {
    return this.#spec.priority;
  }

  /** Batches on their way, and their bytes. */
  get inFlight(): { readonly batches: number; readonly wireBytes: number } {
    let wireBytes = 0;
    for (const flight of this.#flights) wireBytes += flight.wireBytes;
    return { batches: this.#flights.length, wireBytes };
  }

  configure(spec: RelaySpec): void {
    if (spec.rate !== this.#spec.rate) this.#bucket = bucketOf(spec);
    this.#spec = spec;
    this.#notBefore = 0;
  }

  /** Milliseconds until there is something to send; 0 for now, undefined for not before more is appended or acked. */
  get dueInMs(): number | undefined {
    const { store, stream, now } = this.#options;
    const backlog = store.counts.stream(stream).lastSeq - this.#gathered;
    if (this.#gathering || backlog <= 0) return undefined;
    if (!this.#window.admits({ ...this.inFlight, backlog, meanBytes: this.#meanBytes })) return undefined;
    const time = now();
    const left = this.#budget.left(this.#spec.budget, time, this.#reserved());
    const wait = left?.bytes === 0 ? msToNextDay(time) : 0;
    const pause = time.getTime() < this.#pausedAt ? 0 : this.#notBefore - time.getTime();
    return Math.max(wait, pause, this.#bucket?.waitMs() ?? 0, 0);
  }

  /** A new connection: what was in flight is sent again from the cursor, at once, unless link after link was lost over it. */
  reconnected(): void {
    this.#unanswered = 0;
    if (this.#failures <= freeReconnections) this.#notBefore = 0;
  }

  /** The link is down: nothing that is on its way will be acknowledged. */
  disconnected(): void {
    this.#unanswered = 0;
    if (this.#flights.length > 0) this.#failed(this.#round, new Error('the link was lost'));
  }

  /** From the cursor on disk again, such as in a new epoch. */
  restart(): void {
    this.#unanswered = 0;
    const { store, stream } = this.#options;
    this.#cursor = store.counts.stream(stream).ackedSeq;
    this.#rewind();
  }

  /** Gathers one batch and sends it after those before it. Resolves when it is on its way; never rejects. */
  async send(uplink: UplinkPort, signal: AbortSignal): Promise<void> {
    const round = this.#round;
    this.#gathering = true;
    try {
      const builder = await this.#gather().catch((error: unknown) => {
        this.#gathering = false;
        throw error;
      });
      // Not later: by the time this batch is sent, the next may be gathering.
      this.#gathering = false;
      if (round !== this.#round) return;
      if (builder.isEmpty) {
        // The next message needs more than what is left of the budget.
        this.#pause(msToNextDay(this.#options.now()));
        return;
      }
      const after = this.#turn.catch(() => undefined);
      this.#turn = this.#launch(builder, { uplink, signal, after, round });
      this.#options.onChange();
      await this.#turn;
    } catch (error) {
      if (!signal.aborted) this.#failed(round, error);
    }
  }

  /** The cloud's word on this stream and epoch. */
  acknowledge(ack: RelayAck): void {
    const { store, stream, logger } = this.#options;
    const { lastSeq, epochStart } = store.counts.stream(stream);
    const seq = ack.seq + epochStart;
    this.#unanswered = Math.max(0, this.#unanswered - 1);
    if (seq > lastSeq) {
      this.#options.onAhead(seq);
      return;
    }
    if (seq > this.#cursor) {
      this.#advance(seq);
      return;
    }
    // The answer to what was sent a second time repeats the cursor; only the last answer of all tells of a hole.
    const isHole = this.#unanswered === 0 && this.#flights.some(({ sentAt }) => sentAt !== undefined);
    if (seq === this.#cursor && (this.#rewound || !isHole)) return;
    logger.warn('relay.rewind', { from: this.#cursor, to: seq, batches: this.#flights.length });
    this.#cursor = seq;
    this.#rewind();
    this.#rewound = true;
  }

  /** Sends nothing more; writes down what the cloud has. */
  async stop(): Promise<void> {
    this.#round++;
    this.#flights = [];
    clearTimeout(this.#ackTimer);
    clearTimeout(this.#saveTimer);
    await this.#save();
  }

  #advance(seq: number): void {
    const now = this.#options.now().getTime();
    for (const { sentAt = now, lastSeq } of this.#flights)
      if (lastSeq <= seq) this.#window.acked(now - sentAt);
    this.#flights = this.#flights.filter(({ lastSeq }) => lastSeq > seq);
    this.#cursor = seq;
    this.#gathered = Math.max(this.#gathered, seq);
    this.#failures = 0;
    this.#rewound = false;
    this.#watchAcks();
    this.#saveTimer ??= setTimeout(() => void this.#save(), saveDelayMs);
  }

  /** One commit for all acks since the last. */
  async #save(): Promise<void> {
    this.#saveTimer = undefined;
    const { store, stream, logger } = this.#options;
    const seq = this.#cursor;
    if (seq <= store.counts.stream(stream).ackedSeq) return;
    await store
      .commit([{ op: 'acknowledge', stream, seq, spent: this.#budget.spent }])
      .catch((error: unknown) => logger.warn('relay.cursor.failed', { error: errorMessage(error) }));
  }

  #rewind(): void {
    this.#round++;
    this.#flights = [];
    this.#gathered = this.#cursor;
    this.#watchAcks();
  }

  #failed(round: number, error: unknown): void {
    if (round !== this.#round) return;
    this.#rewind();
    this.#window.lost();
    this.#failures++;
    const delayMs = backoffMs(this.#failures, { ...retryDelays, random: this.#options.random });
    this.#pause(delayMs);
    this.#options.logger.warn('relay.send.failed', { error: errorMessage(error), retryMs: delayMs });
    this.#options.onChange();
  }

  #pause(ms: number): void {
    this.#pausedAt = this.#options.now().getTime();
    this.#notBefore = this.#pausedAt + ms;
  }

  /** The oldest batch on its way is given its time from when it was sent, or the one before it acknowledged. */
  #watchAcks(): void {
    clearTimeout(this.#ackTimer);
    if (this.#flights[0]?.sentAt === undefined) return;
    const { ackTimeoutMs } = this.#options;
    const round = this.#round;
    const late = (): void => this.#failed(round, new Error(`no ack within ${ackTimeoutMs} ms`));
    this.#ackTimer = setTimeout(late, ackTimeoutMs);
  }

  /** Compresses beside the batch before it, and is sent behind it. */
  async #launch(
    builder: BatchBuilder,
    {
      uplink,
      signal,
      after,
      round,
    }: { uplink: UplinkPort; signal: AbortSignal; after: Promise<void>; round: number },
  ): Promise<void> {
    const { store, stream, now, logger } = this.#options;
    const { firstSeq, lastSeq, bytes, entryCount } = builder;
    const flight: Flight = { firstSeq, lastSeq, bytes, wireBytes: 0, sentAt: undefined };
    this.#flights.push(flight);
    this.#gathered = lastSeq;
    this.#meanBytes = bytes / entryCount;
    const { epochStart } = store.counts.stream(stream);
    const payload = await this.#compressor.compress(builder.build(store.epoch, stream, epochStart));
    await after;
    if (signal.aborted || round !== this.#round) return;
    flight.wireBytes = payload.byteLength;
    flight.sentAt = now().getTime();
    this.#budget.spend(bytes, now());
    this.#bucket?.spend(payload.byteLength);
    if (this.#flights[0] === flight) this.#watchAcks();
    logger.debug('relay.batch.sent', { firstSeq, lastSeq, bytes: payload.byteLength });
    this.#unanswered++;
    // The ack may overtake the PUBACK, which bounds nothing here.
    uplink.sendRelay(payload).catch((error: unknown) => this.#failed(round, error));
    this.#options.onPassed(bytes);
  }

  async #gather(): Promise<BatchBuilder> {
    const { store, stream, now } = this.#options;
    const { batchBytes } = this.#window;
    const { rate = Number.MAX_SAFE_INTEGER, budget, ttl } = this.#spec;
    const maxBytes = Math.min(batchBytes, rate * rateSpanS);
    const allowance = this.#budget.left(budget, now(), this.#reserved());
    const builder = new BatchBuilder(this.#gathered, { ...batchLimits, maxBytes, allowance });
    const oldest = ttl === undefined ? 0 : now().getTime() - ttl;
    const { lastSeq } = store.counts.stream(stream);
    for (let pages = 0; pages < maxPages && builder.lastSeq < lastSeq; pages++) {
      const limit = batchLimits.maxEntries;
      const records = await store.records({ stream, limit, maxBytes, after: builder.lastSeq });
      for (const record of records) if (!builder.add(record, oldest)) return builder;
      if (records.length > 0) continue;
      builder.fill(lastSeq, now().getTime());
      break;
    }
    return builder;
  }

  /** Bytes of batches that are being compressed: about to be sent, and not counted yet. */
  #reserved(): number {
    let bytes = 0;
    for (const flight of this.#flights) if (flight.sentAt === undefined) bytes += flight.bytes;
    return bytes;
  }
}

function bucketOf({ rate }: RelaySpec): TokenBucket | undefined {
  return rate === undefined ? undefined : new TokenBucket({ count: rate, perMs: 1000 });
}
