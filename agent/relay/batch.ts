import {
  relayBatchMaxBytes,
  relayBatchMaxMessages,
  relayContentTypeMaxLength,
  relayTopicMaxLength,
  type RelayBatch,
  type RelayMessage,
} from '../../cloud-sync/protocol/messages.ts';
import type { StreamRecord } from '../streams/operations.ts';

type GapReason = Extract<RelayMessage, { gap: unknown }>['gap']['reason'];

/** JSON around the messages of a batch, at most: a stream's name is ASCII, numbers have 16 digits. */
const frameBytes = 256;

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
    const message = {
      seq: record.seq,
      time,
      topic,
      payload: Buffer.from(payload).toString('base64'),
      ...(contentType !== undefined && { contentType }),
    };
    const bytes = bytesOf(message);
    // No batch may hold it, whatever the budget: sent, it would end the connection again and again.
    if (frameBytes + bytes > relayBatchMaxBytes || !fitsItsFields(message))
      return this.#addGap({ seq: record.seq, time, count: 1, reason: 'tooLarge' });
    return this.#add(message, bytes);
  }

  /** Nothing is on disk between what was added and `seq`: says so, that the numbers stay whole. */
  fill(seq: number, time: number): void {
    const count = seq - this.#lastSeq;
    if (count > 0) this.#addGap({ seq, time: new Date(time).toISOString(), count, reason: 'disk' });
  }

  /** `epochStart`: the number on disk after which the epoch counts from 1. */
  build(epoch: string, stream: string, epochStart = 0): RelayBatch {
    const place = (seq: number): number => seq - epochStart;
    const messages = this.#messages.map((message) => ({ ...message, seq: place(message.seq) }));
    return { epoch, stream, firstSeq: place(this.#firstSeq), lastSeq: place(this.#lastSeq), messages };
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
      const widened = { seq, time, gap: { count: previous.gap.count + count, reason } };
      const bytes = this.#bytes + bytesOf(widened) - bytesOf(previous);
      if (bytes > this.#limits.maxBytes) return false;
      this.#messages[this.#messages.length - 1] = widened;
      this.#bytes = bytes;
      this.#lastSeq = seq;
      return true;
    }
    const gap = { seq, time, gap: { count, reason } };
    return this.#add(gap, bytesOf(gap));
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

/** In the JSON of a batch, with its comma. */
function bytesOf(message: RelayMessage): number {
  return Buffer.byteLength(JSON.stringify(message)) + 1;
}

function fitsItsFields({ topic, contentType = '' }: { topic: string; contentType?: string }): boolean {
  return topic.length <= relayTopicMaxLength && contentType.length <= relayContentTypeMaxLength;
}
