import { promisify } from 'node:util';
import { zstdCompress } from 'node:zlib';
import type { RelayAck } from '../../cloud-sync/protocol/messages.ts';
import { errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import { backoffMs } from '../../lib/retry.ts';
import type { StreamSpec } from '../../manifests/data.ts';
import type { LocalStore } from '../streams/local-store.ts';
import { BatchBuilder, batchLimits } from './batch.ts';
import type { UplinkPort } from './ports.ts';

export type StreamSenderOptions = {
  readonly stream: string;
  readonly store: Pick<LocalStore, 'records' | 'commit' | 'counts' | 'epoch'>;
  readonly now: () => Date;
  readonly ackTimeoutMs: number;
  readonly random: () => number;
  readonly logger: Logger;
};

export type RelaySpec = NonNullable<StreamSpec['relay']>;

const compress = promisify(zstdCompress);
/** Pages read for one batch: long stretches of messages that are too old shrink to one gap. */
const maxPages = 20;
const retryDelays = { minDelayMs: 500, maxDelayMs: 30_000 };
/** Links one batch may be lost over before it is suspected of ending them. */
const freeReconnections = 2;

/** Sends one stream up, in order, one batch at a time. The cursor on disk moves only by the cloud's acks. [G5] */
export class StreamSender {
  readonly #options: StreamSenderOptions;
  #spec: RelaySpec;
  /** Every number up to it is in the cloud, as far as known. Behind the one on disk only when the cloud lost something. */
  #cursor: number;
  #spent: { day: string; bytes: number };
  #acked: ((seq: number) => void) | undefined;
  #busy = false;
  /** Since the cursor moved last. */
  #failures = 0;
  #notBefore = 0;
  #halted = false;

  constructor(options: StreamSenderOptions, spec: RelaySpec) {
    this.#options = options;
    this.#spec = spec;
    const { ackedSeq, spent } = options.store.counts.stream(options.stream);
    this.#cursor = ackedSeq;
    this.#spent = spent;
  }

  get priority(): number {
    return this.#spec.priority;
  }

  configure(spec: RelaySpec): void {
    this.#spec = spec;
    this.#notBefore = 0;
  }

  /** Milliseconds until there is something to send; 0 for now, undefined for not before more is appended or acked. */
  get dueInMs(): number | undefined {
    const { store, stream, now } = this.#options;
    if (this.#busy || this.#halted || store.counts.stream(stream).lastSeq <= this.#cursor) return undefined;
    const wait = this.#budgetLeft() > 0 ? 0 : msToNextDay(now());
    return Math.max(wait, this.#notBefore - now().getTime(), 0);
  }

  /** A new connection: what was in flight is sent again from the cursor, at once, unless link after link was lost over it. */
  reconnected(): void {
    if (this.#failures <= freeReconnections) this.#notBefore = 0;
  }

  /** Sends one batch and waits for its ack. Never rejects: a failure makes it due again, later. */
  async send(uplink: UplinkPort, signal: AbortSignal): Promise<void> {
    this.#busy = true;
    try {
      await this.#sendOne(uplink, signal);
      this.#failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      this.#failures++;
      const delayMs = backoffMs(this.#failures, { ...retryDelays, random: this.#options.random });
      this.#notBefore = this.#options.now().getTime() + delayMs;
      this.#options.logger.warn('relay.send.failed', { error: errorMessage(error), retryMs: delayMs });
    } finally {
      this.#busy = false;
      this.#acked = undefined;
    }
  }

  /** The cloud's word on this stream and epoch. */
  acknowledge(ack: RelayAck): void {
    const { store, stream, logger } = this.#options;
    const { lastSeq, ackedSeq, epochStart } = store.counts.stream(stream);
    const seq = ack.seq + epochStart;
    if (seq > lastSeq) {
      // This disk is older than what it once sent: new messages would be taken for ones the cloud has. Nothing is sent or dropped.
      if (!this.#halted)
        logger.error('relay.halted', { reason: 'the cloud has more than this device', seq, lastSeq });
      this.#halted = true;
      return;
    }
    if (seq === this.#cursor) return;
    if (seq < this.#cursor) logger.warn('relay.rewind', { from: this.#cursor, to: seq });
    else this.#failures = 0;
    this.#cursor = seq;
    if (seq > ackedSeq) {
      store
        .commit([{ op: 'acknowledge', stream, seq, spent: this.#spent }])
        // Sent again after a restart, and recognised by the cloud as known.
        .catch((error: unknown) => logger.warn('relay.cursor.failed', { error: errorMessage(error) }));
    }
    this.#acked?.(seq);
  }

  async #sendOne(uplink: UplinkPort, signal: AbortSignal): Promise<void> {
    const { store, stream, ackTimeoutMs, logger, now } = this.#options;
    const builder = await this.#gather();
    if (builder.isEmpty) {
      // The next message needs more than what is left of the budget.
      const time = now();
      this.#notBefore = time.getTime() + msToNextDay(time);
      return;
    }
    const { epochStart } = store.counts.stream(stream);
    const batch = builder.build(store.epoch, stream, epochStart);
    const payload = await compress(Buffer.from(batch));
    const { promise: answered, resolve, reject } = Promise.withResolvers<number>();
    this.#acked = resolve;
    const timer = setTimeout(() => reject(new Error(`no ack within ${ackTimeoutMs} ms`)), ackTimeoutMs);
    const stopped = (): void => reject(new Error('the relay is stopping'));
    signal.addEventListener('abort', stopped);
    const stopWatching = uplink.onConnectionChange((up) => {
      if (!up) reject(new Error('the link was lost'));
    });
    try {
      signal.throwIfAborted();
      this.#spend(payload.byteLength);
      // The ack may overtake the PUBACK; a lost link fails both.
      const [, seq] = await Promise.all([uplink.sendRelay(payload), answered]);
      if (seq < builder.firstSeq)
        throw new Error(`the cloud asks again for what follows ${seq - epochStart}`);
      logger.debug('relay.batch.acked', { firstSeq: builder.firstSeq, lastSeq: builder.lastSeq, epochStart });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stopped);
      stopWatching();
    }
  }

  async #gather(): Promise<BatchBuilder> {
    const { store, stream, now } = this.#options;
    const maxBytes = Math.min(batchLimits.maxBytes, this.#budgetLeft());
    const builder = new BatchBuilder(this.#cursor, { ...batchLimits, maxBytes });
    const oldest = this.#spec.ttl === undefined ? 0 : now().getTime() - this.#spec.ttl;
    const { lastSeq } = store.counts.stream(stream);
    const page = { stream, limit: batchLimits.maxEntries, maxBytes: batchLimits.maxBytes };
    for (let pages = 0; pages < maxPages; pages++) {
      const records = await store.records({ ...page, after: builder.lastSeq });
      for (const record of records) if (!builder.add(record, oldest)) return builder;
      if (records.length > 0) continue;
      builder.fill(lastSeq, now().getTime());
      break;
    }
    return builder;
  }

  /** Bytes of a batch that may go today. A message larger than a day's budget goes alone at the day's begin. */
  #budgetLeft(): number {
    const { budget } = this.#spec;
    if (budget === undefined) return Number.MAX_SAFE_INTEGER;
    const spent = this.#spent.day === dayOf(this.#options.now()) ? this.#spent.bytes : 0;
    return spent === 0 ? Math.max(budget, batchLimits.maxBytes) : budget - spent;
  }

  #spend(bytes: number): void {
    const day = dayOf(this.#options.now());
    const before = this.#spent.day === day ? this.#spent.bytes : 0;
    this.#spent = { day, bytes: before + bytes };
  }
}

function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10);
}

function msToNextDay(now: Date): number {
  return 86_400_000 - (now.getTime() % 86_400_000);
}
