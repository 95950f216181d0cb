import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite';
import { maxSeq, messageId, seqColumn } from './message-ids.ts';
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

/** Where the rows of a stream lie: each behind `before`, none behind `end`. */
type Rows = {
  readonly at: (seq: number) => number;
  readonly before: number;
  readonly end: number;
  readonly lastSeq: number;
};

/** Columns of a record in the order in which they come. */
const columns = `${seqColumn}, time, topic, content_type, length(payload), gap_count, gap_reason, key, hops, origin`;
type Columns = [
  seq: number,
  time: number,
  topic: string,
  contentType: string | null,
  payloadBytes: number | null,
  gapCount: number | null,
  gapReason: string | null,
  key: string | null,
  hops: number,
  origin: string | null,
];

/** Reads of streams: by page, by time, from the end. Each is bounded and costs what it returns. */
export function prepareRecordReads(database: DatabaseSync) {
  const sql = (text: string): StatementSync => database.prepare(text);
  const heads = sql(
    `SELECT ${seqColumn}, topic FROM messages WHERE id > ? AND id <= ? ORDER BY id DESC LIMIT ?`,
  );
  const firstIn = sql(
    `SELECT ${seqColumn}, time FROM messages WHERE id >= ? AND id <= ? ORDER BY id LIMIT 1`,
  );
  const lastIn = sql(
    `SELECT ${seqColumn}, time FROM messages WHERE id > ? AND id <= ? ORDER BY id DESC LIMIT 1`,
  );
  const further = sql(
    `SELECT ${seqColumn} FROM messages WHERE id > ? AND id <= ? ORDER BY id LIMIT 1 OFFSET ?`,
  );
  const oldest = sql(
    'SELECT time FROM messages WHERE id > ? AND id <= ? AND gap_count IS NULL ORDER BY id LIMIT 1',
  );
  const rowsOf = prepareRows(database);
  return {
    records: preparePages(database, rowsOf),
    /** Backwards from `upTo` on. */
    recordHeads: (stream: string, { upTo, limit }: { upTo: number; limit: number }): RecordHead[] => {
      const { at, before } = rowsOf(stream);
      return heads.all(before, at(upTo), limit).map(({ seq, topic }) => ({
        seq: Number(seq),
        topic: typeof topic === 'string' ? topic : undefined,
      }));
    },
    streamInfo: (stream: string): StreamInfo => {
      const { before, end, lastSeq } = rowsOf(stream);
      const first = firstIn.get(before, end);
      const newest = lastIn.get(before, end);
      return {
        first: numberOf(first?.seq),
        last: lastSeq,
        oldest: numberOf(first?.time),
        newest: numberOf(newest?.time),
      };
    },
    /** When the first message came that is still there, milliseconds since 1970. */
    oldestMessage: (stream: string): number | undefined => {
      const { before, end } = rowsOf(stream);
      return numberOf(oldest.get(before, end)?.time);
    },
    /** The number of the first record that is not before `time`; behind the last one when there is none. */
    seqAt: (stream: string, time: number): number => {
      const { at, end, lastSeq } = rowsOf(stream);
      const firstFrom = (seq: number): Record<string, SQLOutputValue> | undefined =>
        firstIn.get(at(seq), end);
      const behind = lastSeq + 1;
      let low = numberOf(firstFrom(0)?.seq) ?? behind;
      let high = behind;
      while (low < high) {
        const middle = Math.floor((low + high) / 2);
        const found = firstFrom(middle);
        if (found === undefined || Number(found.time) >= time) high = middle;
        else low = Number(found.seq) + 1;
      }
      return numberOf(firstFrom(low)?.seq) ?? behind;
    },
    /** The number of the `count`th record behind `after`; undefined when there are fewer. */
    seqFurther: (stream: string, after: number, count: number): number | undefined => {
      const { at, end } = rowsOf(stream);
      return numberOf(further.get(at(after), end, count - 1)?.seq);
    },
  };
}

/** Makes the read of messages and gaps in order. */
function preparePages(
  database: DatabaseSync,
  rowsOf: (stream: string) => Rows,
): (query: RecordsQuery) => StreamRecord[] {
  const sql = (text: string): StatementSync => database.prepare(text);
  const page = sql(`SELECT ${columns} FROM messages WHERE id > ? AND id <= ? ORDER BY id LIMIT ?`);
  // Rows as arrays: on the way of every message up, objects with names cost as much as the read.
  page.setReturnArrays(true);
  // The payloads of a page in one piece: one by one they cost the system's allocator several times their size until V8 lets go
  // of them, in a long backlog 100 MB. The text is never decoded, so that it may hold any bytes.
  const payloads = sql(
    `SELECT CAST(group_concat(CAST(payload AS TEXT), '') AS BLOB) AS bytes
     FROM (SELECT payload FROM messages WHERE id > ? AND id <= ? ORDER BY id)`,
  );
  return ({
    stream,
    after,
    limit,
    maxBytes,
    upTo = Number.MAX_SAFE_INTEGER,
  }: RecordsQuery): StreamRecord[] => {
    const { at, end } = rowsOf(stream);
    const rows: Columns[] = [];
    let bytes = 0;
    for (const row of page.iterate(at(after), end, limit) as Iterable<unknown>) {
      const [seq, , , , payloadBytes] = row as Columns;
      rows.push(row as Columns);
      bytes += payloadBytes ?? 0;
      if (seq > upTo || bytes >= maxBytes) break;
    }
    const last = rows.at(-1)?.[0] ?? after;
    const whole = bytes > 0 ? (payloads.get(at(after), at(last))?.bytes as Uint8Array) : new Uint8Array();
    const records = recordsOf(rows, whole, after);
    const behind = last > upTo ? records.pop() : undefined;
    return behind ? [...records, ...partUpTo(behind, upTo)] : records;
  };
}

function prepareRows(database: DatabaseSync): (stream: string) => Rows {
  const streams = database.prepare('SELECT number, last_seq AS seq FROM streams WHERE name = ?');
  return (stream) => {
    const found = streams.get(stream);
    // No message has the number 0.
    const number = Number(found?.number ?? 0);
    return {
      at: (seq) => messageId(number, seq),
      before: messageId(number, 0),
      end: messageId(number, maxSeq),
      lastSeq: Number(found?.seq ?? 0),
    };
  };
}

/** `whole`: the payloads of all rows, one behind the other. Whoever keeps one keeps the page. */
function recordsOf(rows: readonly Columns[], whole: Uint8Array, after: number): StreamRecord[] {
  let at = 0;
  return rows.map((row, index) => {
    const payload = whole.subarray(at, (at += row[4] ?? 0));
    return recordOf(row, payload, index === 0 ? after : 0);
  });
}

/** `after`: a reader that is in the middle of a gap is told of the rest of it only. */
function recordOf(row: Columns, payload: Uint8Array, after: number): StreamRecord {
  const [seq, time, topic, contentType, , gapCount, gapReason, key, hops, origin] = row;
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
