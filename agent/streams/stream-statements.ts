import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** Those of streams and of who reads them. */
export function prepareStreamWrites(database: DatabaseSync) {
  const sql = (text: string): StatementSync => database.prepare(text);
  return {
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
  };
}
