import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { seqColumn } from './message-ids.ts';

/** Those of streams and of who reads them. Rows of messages are named by `messageId`. */
export function prepareStreamWrites(database: DatabaseSync) {
  const sql = (text: string): StatementSync => database.prepare(text);
  return {
    /** A message as most are: what it has not is not said, which spares a tenth of the time of a row. */
    insertPlain: sql('INSERT INTO messages (id, time, size, topic, payload) VALUES (?, ?, ?, ?, ?)'),
    insertMessage: sql(
      `INSERT INTO messages (id, time, size, topic, payload, content_type, key, hops, origin)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    insertGap: sql('INSERT INTO messages (id, time, size, gap_count, gap_reason) VALUES (?, ?, 0, ?, ?)'),
    deleteMessage: sql('DELETE FROM messages WHERE id = ?'),
    gapAt: sql('SELECT gap_count AS count FROM messages WHERE id = ? AND gap_reason = ?'),
    oldest: sql(
      `SELECT ${seqColumn}, time, size FROM messages
       WHERE id > ? AND id <= ? AND gap_count IS NULL ORDER BY id LIMIT ?`,
    ),
    heldIn: sql(
      `SELECT coalesce(sum(size), 0) AS size, count(*) - count(gap_count) AS messages
       FROM messages WHERE id > ? AND id <= ?`,
    ),
    firstIn: sql(
      `SELECT ${seqColumn}, gap_count AS count, gap_reason AS reason FROM messages
       WHERE id > ? AND id <= ? ORDER BY id LIMIT 1`,
    ),
    widenGap: sql('UPDATE messages SET gap_count = gap_count + ? WHERE id = ?'),
    keyed: sql(
      `SELECT ${seqColumn}, time, size, key FROM messages WHERE id > ? AND id <= ? ORDER BY id LIMIT ?`,
    ),
    newerOfKey: sql('SELECT 1 FROM messages WHERE key = ? AND id > ? AND id <= ? LIMIT 1'),
    olderOfKey: sql(
      `SELECT ${seqColumn}, time, size FROM messages WHERE key = ? AND id > ? AND id < ? ORDER BY id DESC LIMIT 1`,
    ),
    deleteIn: sql('DELETE FROM messages WHERE id > ? AND id <= ?'),
    deleteGaps: sql(
      `DELETE FROM messages INDEXED BY messages_gaps
       WHERE id > ? AND id <= ? AND gap_count IS NOT NULL`,
    ),
    putStream: sql(
      `INSERT INTO streams (name, number, last_seq, acked_seq, messages, bytes, spent_day, spent_bytes)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET number = excluded.number, last_seq = excluded.last_seq, acked_seq = excluded.acked_seq,
         messages = excluded.messages, bytes = excluded.bytes, spent_day = excluded.spent_day, spent_bytes = excluded.spent_bytes`,
    ),
    giveNumberBack: sql('UPDATE streams SET number = 0 WHERE name = ?'),
    putConsumer: sql(
      `INSERT INTO consumers (stream, name, seq, spent_day, spent_bytes) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (stream, name) DO UPDATE SET seq = excluded.seq, spent_day = excluded.spent_day,
         spent_bytes = excluded.spent_bytes`,
    ),
    forgetConsumer: sql('DELETE FROM consumers WHERE stream = ? AND name = ?'),
  };
}
