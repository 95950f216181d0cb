import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { prepareEventWrites } from './event-statements.ts';
import { prepareSessionWrites } from './session-statements.ts';
import { prepareStreamWrites } from './stream-statements.ts';
import { prepareTriggerWrites } from './trigger-statements.ts';

/** The statements of a transaction, prepared once. */
export function prepareWrites(database: DatabaseSync) {
  const sql = (text: string): StatementSync => database.prepare(text);
  return {
    ...prepareEventWrites(database),
    ...prepareTriggerWrites(database),
    ...prepareStreamWrites(database),
    ...prepareSessionWrites(database),
    kvSize: sql(
      'SELECT length(CAST(key AS BLOB)) + length(value) AS size FROM kv WHERE store = ? AND key = ?',
    ),
    putKv: sql(
      `INSERT INTO kv (store, key, value, expires) VALUES (?, ?, ?, ?)
       ON CONFLICT (store, key) DO UPDATE SET value = excluded.value, expires = excluded.expires`,
    ),
    removeKv: sql('DELETE FROM kv WHERE store = ? AND key = ?'),
    presentKv: sql('SELECT value FROM kv WHERE store = ? AND key = ? AND (expires IS NULL OR expires > ?)'),
    expiredKv: sql('SELECT store, key FROM kv WHERE expires <= ? ORDER BY expires LIMIT ?'),
    putStoreSize: sql(
      'INSERT INTO kv_usage (store, bytes) VALUES (?, ?) ON CONFLICT (store) DO UPDATE SET bytes = excluded.bytes',
    ),
    putRetained: sql(
      `INSERT INTO retained (topic, content_type, payload, qos) VALUES (?, ?, ?, ?)
       ON CONFLICT (topic) DO UPDATE SET content_type = excluded.content_type, payload = excluded.payload, qos = excluded.qos`,
    ),
    forgetRetained: sql('DELETE FROM retained WHERE topic = ?'),
  };
}
export type Writes = ReturnType<typeof prepareWrites>;
