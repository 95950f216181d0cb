import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { prepareSessionWrites } from './session-statements.ts';
import { prepareStreamWrites } from './stream-statements.ts';
import { prepareTriggerWrites } from './trigger-statements.ts';

const eventColumns = 'function, kind, topic, content_type, payload, time, hops';

/** The statements of a transaction, prepared once. */
export function prepareWrites(database: DatabaseSync) {
  const sql = (text: string): StatementSync => database.prepare(text);
  return {
    ...prepareTriggerWrites(database),
    ...prepareStreamWrites(database),
    ...prepareSessionWrites(database),
    insertEvent: sql(
      `INSERT INTO events (${eventColumns}, attempts, not_before) VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?)`,
    ),
    adoptMessages: sql(
      `INSERT INTO events (${eventColumns}, attempts, not_before)
       SELECT ?, kind, topic, content_type, payload, time, hops, attempts, not_before FROM events
       WHERE kind = 'queue' AND topic = ? AND function = ? ORDER BY id`,
    ),
    deleteMessages: sql("DELETE FROM events WHERE kind = 'queue' AND topic = ? AND function = ?"),
    hasEvent: sql('SELECT 1 FROM events WHERE id = ? AND function = ?'),
    deleteEvent: sql('DELETE FROM events WHERE id = ?'),
    postponeEvent: sql('UPDATE events SET attempts = ?, not_before = ? WHERE id = ?'),
    buryEvent: sql(
      `INSERT INTO dead_letters (${eventColumns}, attempts, died, error_code, error_message)
       SELECT ${eventColumns}, ?, ?, ?, ? FROM events WHERE id = ? RETURNING *`,
    ),
    insertDead: sql(
      `INSERT INTO dead_letters (${eventColumns}, attempts, died, error_code, error_message)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    forgetDead: sql(
      `DELETE FROM dead_letters WHERE id IN (SELECT id FROM dead_letters WHERE function = ? ORDER BY id LIMIT ?)`,
    ),
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
