import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { prepareNearEvents } from './near-events.ts';
import type { RetainedMessage } from './operations.ts';
import { prepareRecordReads } from './record-reads.ts';
import { prepareSessionReads } from './session-reads.ts';
import { prepareTriggerReads } from './trigger-reads.ts';

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
    ...prepareSessionReads(database),
    ...prepareRecordReads(database),
    near: prepareNearEvents(database),
    epoch: (): string => String(epoch.get()?.value),
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

function retainedOf(row: Row): RetainedMessage {
  return {
    topic: String(row.topic),
    payload: row.payload as Uint8Array,
    contentType: (row.content_type as string | null) ?? undefined,
    qos: Number(row.qos) as 0 | 1 | 2,
  };
}
