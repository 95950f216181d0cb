import type { DatabaseSync, StatementSync } from 'node:sqlite';

const eventColumns = 'function, kind, topic, content_type, payload, time, hops';

/** The statements of events and dead letters, prepared once. Ids are given out by the ledger. */
export function prepareEventWrites(database: DatabaseSync) {
  const sql = (text: string): StatementSync => database.prepare(text);
  return {
    insertEvent: sql(
      `INSERT INTO events (id, ${eventColumns}, attempts, not_before) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    adoptMessages: sql(
      `INSERT INTO events (id, ${eventColumns}, attempts, not_before)
       SELECT ? + row_number() OVER (ORDER BY id), ?, kind, topic, content_type, payload, time, hops, attempts, not_before
       FROM events WHERE kind = 'queue' AND topic = ? AND function = ? ORDER BY id`,
    ),
    deleteMessages: sql("DELETE FROM events WHERE kind = 'queue' AND topic = ? AND function = ?"),
    hasEvent: sql('SELECT 1 FROM events WHERE id = ? AND function = ?'),
    deleteEvent: sql('DELETE FROM events WHERE id = ?'),
    postponeEvent: sql('UPDATE events SET attempts = ?, not_before = ? WHERE id = ?'),
    /** Ids are never given out again, though all that had one may be gone: rows see to that by themselves. */
    putLastEvent: sql("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'events'"),
    insertPage: sql(
      'INSERT INTO event_pages (id, function, waiting, heads, payloads) VALUES (?, ?, ?, ?, ?)',
    ),
    lookAtPage: sql('SELECT id, function, waiting FROM event_pages WHERE id = ?'),
    readPage: sql('SELECT * FROM event_pages WHERE id = ?'),
    markPage: sql('UPDATE event_pages SET waiting = ? WHERE id = ?'),
    deletePage: sql('DELETE FROM event_pages WHERE id = ?'),
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
    redeliver: sql(
      `INSERT INTO events (id, ${eventColumns}, attempts, not_before)
       SELECT ?, ${eventColumns}, 0, 0 FROM dead_letters WHERE id = ? AND function = ?`,
    ),
  };
}
export type EventWrites = ReturnType<typeof prepareEventWrites>;
