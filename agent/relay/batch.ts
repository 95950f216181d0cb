import {
  relayBatchMaxBytes,
  relayBatchMaxMessages,
  type RelayBatch,
  type RelayMessage,
} from '../../cloud-sync/protocol/messages.ts';
import type { StreamRecord } from '../streams/operations.ts';

type GapReason = Extract<RelayMessage, { gap: unknown }>['gap']['reason'];

/** JSON around the messages of a batch, and around one message, at most. */
const frameBytes = 256;
const messageFrameBytes = 192;

export type BatchLimits = { readonly maxMessages: number; readonly maxBytes: number };
export const batchLimits: BatchLimits = { maxMessages: relayBatchMaxMessages, maxBytes: relayBatchMaxBytes };

/**
 * Gathers records of one stream, in order, into one batch. Numbers are never left out: what is missing on disk, too old to
 * send, or was dropped earlier travels as gaps; neighbours of one reason become one. [G5]
 */
export class BatchBuilder {
  readonly #limits: BatchLimits;
  readonly #messages: RelayMessage[] = [];
  readonly #firstSeq: number;
  #lastSeq: number;
  #bytes = frameBytes;

  /** `cursor`: every number up to it was acknowledged. */
  constructor(cursor: number, limits: BatchLimits = batchLimits) {
    this.#firstSeq = cursor + 1;
    this.#lastSeq = cursor;
    this.#limits = limits;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }
  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  /** False when the record has no room any more: send what is there, then begin anew. `oldest`: sent if not older, milliseconds since 1970. */
  add(record: StreamRecord, oldest: number): boolean {
    if (record.seq <= this.#lastSeq) return true;
    const time = new Date(record.time).toISOString();
    const covered = record.gap ? Math.min(record.gap.count, record.seq - this.#lastSeq) : 1;
    const missing = record.seq - covered - this.#lastSeq;
    if (missing > 0 && !this.#addGap({ seq: record.seq - covered, time, count: missing, reason: 'disk' }))
      return false;
    if (record.gap) return this.#addGap({ seq: record.seq, time, count: covered, reason: record.gap.reason });
    if (record.time < oldest) return this.#addGap({ seq: record.seq, time, count: 1, reason: 'ttl' });
    const { topic, payload, contentType } = record.message;
    return this.#add(
      {
        seq: record.seq,
        time,
        topic,
        payload: Buffer.from(payload).toString('base64'),
        ...(contentType !== undefined && { contentType }),
      },
      messageFrameBytes + 4 * Math.ceil(payload.byteLength / 3) + JSON.stringify(topic).length * 2,
    );
  }

  /** Nothing is on disk between what was added and `seq`: says so, that the numbers stay whole. */
  fill(seq: number, time: number): void {
    const count = seq - this.#lastSeq;
    if (count > 0) this.#addGap({ seq, time: new Date(time).toISOString(), count, reason: 'disk' });
  }

  build(epoch: string, stream: string): RelayBatch {
    return { epoch, stream, firstSeq: this.#firstSeq, lastSeq: this.#lastSeq, messages: this.#messages };
  }

  #addGap({
    seq,
    time,
    count,
    reason,
  }: {
    seq: number;
    time: string;
    count: number;
    reason: GapReason;
  }): boolean {
    const previous = this.#messages.at(-1);
    if (previous && 'gap' in previous && previous.gap.reason === reason) {
      this.#messages[this.#messages.length - 1] = {
        seq,
        time,
        gap: { count: previous.gap.count + count, reason },
      };
      this.#lastSeq = seq;
      return true;
    }
    return this.#add({ seq, time, gap: { count, reason } }, messageFrameBytes);
  }

  #add(message: RelayMessage, bytes: number): boolean {
    const { maxMessages, maxBytes } = this.#limits;
    const full = this.#messages.length >= maxMessages || this.#bytes + bytes > maxBytes;
    if (full) return false;
    this.#messages.push(message);
    this.#bytes += bytes;
    this.#lastSeq = message.seq;
    return true;
  }
}
