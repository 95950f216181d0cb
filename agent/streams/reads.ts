import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { prepareNearEvents } from './near-events.ts';
import type { GapReason, RetainedMessage, StreamRecord } from './operations.ts';
import { prepareTriggerReads } from './trigger-reads.ts';

export type RecordsQuery = {
  readonly stream: string;
  readonly after: number;
  readonly limit: number;
  /** Stops after the record that reaches this; at least one comes. */
  readonly maxBytes: number;
};
export type KeysQuery = {
  readonly store: string;
  readonly prefix: string;
  readonly after: string;
  readonly limit: number;
};

/** A function, or `queue:NAME` for a queue without one, that has messages of a queue. */
export type QueueHolder = { readonly queue: string; readonly function: string };

type Row = Record<string, unknown>;

export type Reads = ReturnType<typeof prepareReads>;

/** Reads of the local store; columns become domain values here and nowhere else. */
export function prepareReads(database: DatabaseSync) {
  const sql = (text: string): StatementSync => database.prepare(text);
  const records = sql('SELECT * FROM messages WHERE stream = ? AND seq > ? ORDER BY seq LIMIT ?');
  const present = '(expires IS NULL OR expires > ?)';
  const value = sql(`SELECT value FROM kv WHERE store = ? AND key = ? AND ${present}`);
  const keys = sql(
    `SELECT key FROM kv WHERE store = ? AND key >= ? AND key > ? AND ${present} ORDER BY key LIMIT ?`,
  );
  const queues = sql("SELECT DISTINCT topic, function FROM events WHERE kind = 'queue'");
  const retained = sql('SELECT * FROM retained');
  const epoch = sql("SELECT value FROM meta WHERE key = 'epoch'");
  return {
    ...prepareTriggerReads(database),
    near: prepareNearEvents(database),
    epoch: (): string => String(epoch.get()?.value),
    records: (query: RecordsQuery): StreamRecord[] =>
      within(records.iterate(query.stream, query.after, query.limit), query.maxBytes).map(recordOf),
    value: (store: string, key: string, now: number): Uint8Array | undefined =>
      value.get(store, key, now)?.value as Uint8Array | undefined,
    keys: ({ store, prefix, after, limit }: KeysQuery, now: number): string[] => {
      const found: string[] = [];
      for (const row of keys.iterate(store, prefix, after, now, limit)) {
        const key = String(row.key);
        if (!key.startsWith(prefix)) break;
        found.push(key);
      }
      return found;
    },
    queues: (): QueueHolder[] =>
      queues.all().map((row) => ({ queue: String(row.topic), function: String(row.function) })),
    retained: (): RetainedMessage[] => retained.all().map(retainedOf),
  };
}

function within(rows: Iterable<Row>, maxBytes: number): Row[] {
  const taken: Row[] = [];
  let bytes = 0;
  for (const row of rows) {
    taken.push(row);
    bytes += (row.payload as Uint8Array | null)?.byteLength ?? 0;
    if (bytes >= maxBytes) break;
  }
  return taken;
}

function recordOf(row: Row): StreamRecord {
  const place = { seq: Number(row.seq), time: Number(row.time) };
  if (row.gap_count !== null)
    return { ...place, gap: { count: Number(row.gap_count), reason: row.gap_reason as GapReason } };
  return { ...place, gap: undefined, message: messageOf(row) };
}

function retainedOf(row: Row): RetainedMessage {
  return { ...messageOf(row), qos: Number(row.qos) as 0 | 1 | 2 };
}

function messageOf(row: Row) {
  return {
    topic: String(row.topic),
    payload: row.payload as Uint8Array,
    contentType: (row.content_type as string | null) ?? undefined,
  };
}
