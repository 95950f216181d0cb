import {
  encodeRelayBatch,
  relayBatchMaxContentBytes,
  relayBatchMaxEntries,
  relayContentTypeMaxLength,
  relayTopicMaxLength,
  type RelayEntry,
  type RelayGapReason,
} from '../../cloud-sync/protocol/relay-batch.ts';
import type { StreamMessage, StreamRecord } from '../streams/operations.ts';

/** Bytes are those of payloads and topics. */
export type BatchLimits = {
  readonly maxEntries: number;
  /** A message larger than that goes alone. */
  readonly maxBytes: number;
  /** What may be sent today still; nothing goes beyond it, but a first message when nothing went today yet (`fresh`). */
  readonly allowance?: { readonly bytes: number; readonly fresh: boolean } | undefined;
};
export const batchLimits: BatchLimits = {
  maxEntries: relayBatchMaxEntries,
  maxBytes: relayBatchMaxContentBytes,
};

/** Largest payload that a batch takes at all: its JSON keeps within bounds even if every byte is escaped. */
const maxPayloadBytes = 512 * 1024;

/**
 * Gathers records of one stream, in order, into one batch. Numbers are never left out: what is missing on disk, too old to
 * send, or was dropped earlier travels as gaps; neighbours of one reason become one. [G5]
 */
export class BatchBuilder {
  readonly #limits: BatchLimits;
  readonly #entries: RelayEntry[] = [];
  readonly #firstSeq: number;
  #lastSeq: number;
  #bytes = 0;

  /** `cursor`: every number up to it was sent. */
  constructor(cursor: number, limits: BatchLimits = batchLimits) {
    this.#firstSeq = cursor + 1;
    this.#lastSeq = cursor;
    this.#limits = limits;
  }

  get firstSeq(): number {
    return this.#firstSeq;
  }
  get lastSeq(): number {
    return this.#lastSeq;
  }
  /** Of payloads and topics. */
  get bytes(): number {
    return this.#bytes;
  }
  get entryCount(): number {
    return this.#entries.length;
  }
  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** False when the record has no room any more: send what is there, then begin anew. `oldest`: sent if not older, milliseconds since 1970. */
  add(record: StreamRecord, oldest: number): boolean {
    const { seq, time } = record;
    if (seq <= this.#lastSeq) return true;
    const covered = record.gap ? Math.min(record.gap.count, seq - this.#lastSeq) : 1;
    const missing = seq - covered - this.#lastSeq;
    if (missing > 0 && !this.#addGap({ seq: seq - covered, time, count: missing, reason: 'disk' }))
      return false;
    if (record.gap) return this.#addGap({ seq, time, count: covered, reason: record.gap.reason });
    if (time < oldest) return this.#addGap({ seq, time, count: 1, reason: 'ttl' });
    // No batch may hold it, whatever the budget: sent, it would end the connection again and again.
    if (!fits(record.message)) return this.#addGap({ seq, time, count: 1, reason: 'tooLarge' });
    const { topic, payload, contentType } = record.message;
    const bytes = payload.byteLength + topic.length;
    if (!this.#hasRoomFor(bytes)) return false;
    return this.#add({ seq, time, gap: undefined, topic, payload, contentType }, bytes);
  }

  /** Nothing is on disk between what was added and `seq`: says so, that the numbers stay whole. */
  fill(seq: number, time: number): void {
    const count = seq - this.#lastSeq;
    if (count > 0) this.#addGap({ seq, time, count, reason: 'disk' });
  }

  /** JSON text. `epochStart`: the number on disk after which the epoch counts from 1. */
  build(epoch: string, stream: string, epochStart = 0): string {
    const firstSeq = this.#firstSeq - epochStart;
    return encodeRelayBatch({ epoch, stream, firstSeq, entries: this.#entries });
  }

  #hasRoomFor(bytes: number): boolean {
    const { maxBytes, allowance } = this.#limits;
    const first = this.#bytes === 0;
    if (!first && this.#bytes + bytes > maxBytes) return false;
    if (allowance === undefined || this.#bytes + bytes <= allowance.bytes) return true;
    return first && allowance.fresh;
  }

  #addGap({
    seq,
    time,
    ...gap
  }: {
    seq: number;
    time: number;
    count: number;
    reason: RelayGapReason;
  }): boolean {
    const previous = this.#entries.at(-1);
    if (previous?.gap?.reason !== gap.reason) return this.#add({ seq, time, gap }, 0);
    const count = previous.gap.count + gap.count;
    this.#entries[this.#entries.length - 1] = { seq, time, gap: { count, reason: gap.reason } };
    this.#lastSeq = seq;
    return true;
  }

  #add(entry: RelayEntry, bytes: number): boolean {
    if (this.#entries.length >= this.#limits.maxEntries) return false;
    this.#entries.push(entry);
    this.#bytes += bytes;
    this.#lastSeq = entry.seq;
    return true;
  }
}

function fits({ topic, payload, contentType = '-' }: StreamMessage): boolean {
  if (payload.byteLength > maxPayloadBytes || topic.length > relayTopicMaxLength) return false;
  return contentType.length >= 1 && contentType.length <= relayContentTypeMaxLength;
}
