import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { prepareTriggerWrites } from './trigger-statements.ts';

const eventColumns = 'function, kind, topic, content_type, payload, time, hops';

/** The statements of a transaction, prepared once. */
export function prepareWrites(database: DatabaseSync) {
  const sql = (text: string): StatementSync => database.prepare(text);
  return {
    ...prepareTriggerWrites(database),
    insertMessage: sql(
      `INSERT INTO messages (stream, seq, time, size, topic, content_type, payload, key, hops, origin)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    insertGap: sql(
      'INSERT INTO messages (stream, seq, time, size, gap_count, gap_reason) VALUES (?, ?, ?, 0, ?, ?)',
    ),
    deleteMessage: sql('DELETE FROM messages WHERE stream = ? AND seq = ?'),
    gapAt: sql('SELECT gap_count AS count FROM messages WHERE stream = ? AND seq = ? AND gap_reason = ?'),
    oldest: sql(
      `SELECT seq, time, size FROM messages WHERE stream = ? AND seq > ? AND gap_count IS NULL ORDER BY seq LIMIT ?`,
    ),
    heldUpTo: sql(
      `SELECT coalesce(sum(size), 0) AS size, count(*) - count(gap_count) AS messages
       FROM messages WHERE stream = ? AND seq <= ?`,
    ),
    gapBehind: sql(
      `SELECT seq, gap_count AS count, gap_reason AS reason FROM messages
       WHERE stream = ? AND seq > ? ORDER BY seq LIMIT 1`,
    ),
    widenGap: sql('UPDATE messages SET gap_count = gap_count + ? WHERE stream = ? AND seq = ?'),
    keyed: sql('SELECT seq, time, size, key FROM messages WHERE stream = ? AND seq > ? ORDER BY seq LIMIT ?'),
    newerOfKey: sql('SELECT 1 FROM messages WHERE stream = ? AND key = ? AND seq > ? LIMIT 1'),
    olderOfKey: sql(
      `SELECT seq, time, size FROM messages WHERE stream = ? AND key = ? AND seq < ? ORDER BY seq DESC LIMIT 1`,
    ),
    deleteUpTo: sql('DELETE FROM messages WHERE stream = ? AND seq <= ?'),
    deleteGaps: sql(
      `DELETE FROM messages INDEXED BY messages_gaps
       WHERE stream = ? AND seq > ? AND seq <= ? AND gap_count IS NOT NULL`,
    ),
    putStream: sql(
      `INSERT INTO streams (name, last_seq, acked_seq, messages, bytes, spent_day, spent_bytes)
       VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET last_seq = excluded.last_seq, acked_seq = excluded.acked_seq,
         messages = excluded.messages, bytes = excluded.bytes, spent_day = excluded.spent_day, spent_bytes = excluded.spent_bytes`,
    ),
    putConsumer: sql(
      `INSERT INTO consumers (stream, name, seq, spent_day, spent_bytes) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (stream, name) DO UPDATE SET seq = excluded.seq, spent_day = excluded.spent_day,
         spent_bytes = excluded.spent_bytes`,
    ),
    forgetConsumer: sql('DELETE FROM consumers WHERE stream = ? AND name = ?'),
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
