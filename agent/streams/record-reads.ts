import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite';
import type { GapReason, StreamMessage, StreamRecord } from './stream-operations.ts';

export type RecordsQuery = {
  readonly stream: string;
  readonly after: number;
  readonly limit: number;
  /** Stops after the record that reaches this; at least one comes. */
  readonly maxBytes: number;
  /** None behind this one; of a gap that reaches further, the part up to it. */
  readonly upTo?: number;
};

/** What is held of a stream. Numbers and times are undefined while it holds nothing; times in milliseconds since 1970. */
export type StreamInfo = {
  /** Of the first record, which may be a gap. */
  readonly first: number | undefined;
  readonly last: number;
  readonly oldest: number | undefined;
  readonly newest: number | undefined;
};

/** A record without its payload. A gap has no topic. */
export type RecordHead = { readonly seq: number; readonly topic: string | undefined };

/** Columns of a record in the order in which they come. */
const columns = 'seq, time, topic, content_type, payload, gap_count, gap_reason, key, hops, origin';
type Columns = [
  seq: number,
  time: number,
  topic: string,
  contentType: string | null,
  payload: Uint8Array,
  gapCount: number | null,
  gapReason: string | null,
  key: string | null,
  hops: number,
  origin: string | null,
];

/** Reads of streams: by page, by time, from the end. Each is bounded and costs what it returns. */
export function prepareRecordReads(database: DatabaseSync) {
  const sql = (text: string): StatementSync => database.prepare(text);
  const page = sql(`SELECT ${columns} FROM messages WHERE stream = ? AND seq > ? ORDER BY seq LIMIT ?`);
  // Rows as arrays: on the way of every message up, objects with names cost as much as the read.
  page.setReturnArrays(true);
  const heads = sql(
    'SELECT seq, topic FROM messages WHERE stream = ? AND seq <= ? ORDER BY seq DESC LIMIT ?',
  );
  const atOrBehind = sql('SELECT seq, time FROM messages WHERE stream = ? AND seq >= ? ORDER BY seq LIMIT 1');
  const atOrBefore = sql(
    'SELECT seq, time FROM messages WHERE stream = ? AND seq <= ? ORDER BY seq DESC LIMIT 1',
  );
  const further = sql('SELECT seq FROM messages WHERE stream = ? AND seq > ? ORDER BY seq LIMIT 1 OFFSET ?');
  const oldest = sql('SELECT time FROM messages WHERE stream = ? AND gap_count IS NULL ORDER BY seq LIMIT 1');
  const lastOf = sql('SELECT last_seq AS seq FROM streams WHERE name = ?');
  const lastSeq = (stream: string): number => Number(lastOf.get(stream)?.seq ?? 0);
  return {
    records: ({
      stream,
      after,
      limit,
      maxBytes,
      upTo = Number.MAX_SAFE_INTEGER,
    }: RecordsQuery): StreamRecord[] => {
      const records: StreamRecord[] = [];
      let bytes = 0;
      for (const row of page.iterate(stream, after, limit) as Iterable<unknown>) {
        const record = recordOf(row as Columns, records.length === 0 ? after : 0);
        if (record.seq > upTo) {
          records.push(...partUpTo(record, upTo));
          break;
        }
        records.push(record);
        if (!record.gap) bytes += record.message.payload.byteLength;
        if (bytes >= maxBytes) break;
      }
      return records;
    },
    /** Backwards from `upTo` on. */
    recordHeads: (stream: string, { upTo, limit }: { upTo: number; limit: number }): RecordHead[] =>
      heads.all(stream, upTo, limit).map(({ seq, topic }) => ({
        seq: Number(seq),
        topic: typeof topic === 'string' ? topic : undefined,
      })),
    streamInfo: (stream: string): StreamInfo => {
      const first = atOrBehind.get(stream, 0);
      const newest = atOrBefore.get(stream, Number.MAX_SAFE_INTEGER);
      return {
        first: numberOf(first?.seq),
        last: lastSeq(stream),
        oldest: numberOf(first?.time),
        newest: numberOf(newest?.time),
      };
    },
    /** When the first message came that is still there, milliseconds since 1970. */
    oldestMessage: (stream: string): number | undefined => numberOf(oldest.get(stream)?.time),
    /** The number of the first record that is not before `time`; behind the last one when there is none. */
    seqAt: (stream: string, time: number): number => {
      const end = lastSeq(stream) + 1;
      let low = numberOf(atOrBehind.get(stream, 0)?.seq) ?? end;
      let high = end;
      while (low < high) {
        const middle = Math.floor((low + high) / 2);
        const found = atOrBehind.get(stream, middle);
        if (found === undefined || Number(found.time) >= time) high = middle;
        else low = Number(found.seq) + 1;
      }
      return numberOf(atOrBehind.get(stream, low)?.seq) ?? end;
    },
    /** The number of the `count`th record behind `after`; undefined when there are fewer. */
    seqFurther: (stream: string, after: number, count: number): number | undefined =>
      numberOf(further.get(stream, after, count - 1)?.seq),
  };
}

/** `after`: a reader that is in the middle of a gap is told of the rest of it only. */
function recordOf(row: Columns, after: number): StreamRecord {
  const [seq, time, topic, contentType, payload, gapCount, gapReason, key, hops, origin] = row;
  if (gapCount !== null)
    return { seq, time, gap: { count: Math.min(gapCount, seq - after), reason: gapReason as GapReason } };
  const message: StreamMessage = {
    topic,
    payload,
    contentType: contentType ?? undefined,
    ...(key !== null && { key }),
    ...(hops > 0 && { hops }),
    ...(origin !== null && { origin }),
  };
  return { seq, time, gap: undefined, message };
}

/** Of a gap that begins before `upTo`, the part up to it. */
function partUpTo(record: StreamRecord, upTo: number): StreamRecord[] {
  const count = record.gap ? record.gap.count - (record.seq - upTo) : 0;
  return record.gap && count > 0 ? [{ ...record, seq: upTo, gap: { ...record.gap, count } }] : [];
}

function numberOf(value: SQLOutputValue | undefined): number | undefined {
  return value === undefined || value === null ? undefined : Number(value);
}
