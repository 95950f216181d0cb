import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** The statements about sessions of a transaction, prepared once. */
export function prepareSessionWrites(database: DatabaseSync) {
  const sql = (text: string): StatementSync => database.prepare(text);
  return {
    putSession: sql(
      `INSERT INTO sessions (client, name, away, dropped) VALUES (?, ?, ?, ?)
       ON CONFLICT (client) DO UPDATE SET name = excluded.name, away = excluded.away, dropped = excluded.dropped`,
    ),
    endSession: sql('DELETE FROM sessions WHERE client = ?'),
    endSubscriptions: sql('DELETE FROM session_subscriptions WHERE client = ?'),
    endSessionMessages: sql('DELETE FROM session_messages WHERE client = ?'),
    endReceived: sql('DELETE FROM session_received WHERE client = ?'),
    putSubscription: sql(
      `INSERT INTO session_subscriptions (client, filter, qos) VALUES (?, ?, ?)
       ON CONFLICT (client, filter) DO UPDATE SET qos = excluded.qos`,
    ),
    forgetSubscription: sql('DELETE FROM session_subscriptions WHERE client = ? AND filter = ?'),
    insertSessionMessage: sql(
      `INSERT INTO session_messages (client, packet, topic, payload, qos, retain, released, size)
       VALUES (?, ?, ?, ?, ?, ?, 0, ?)`,
    ),
    oldestSessionMessages: sql(
      'SELECT id, size FROM session_messages WHERE client = ? AND id < ? ORDER BY id LIMIT ?',
    ),
    lastSessionMessage: sql('SELECT max(id) AS id FROM session_messages WHERE client = ?'),
    deleteSessionMessage: sql('DELETE FROM session_messages WHERE id = ? AND client = ? RETURNING size'),
    releaseSessionMessage: sql(
      `UPDATE session_messages SET released = 1, payload = x'', size = ?
       WHERE id = ? AND client = ? AND released = 0`,
    ),
    sessionMessageSize: sql('SELECT size FROM session_messages WHERE id = ? AND client = ?'),
    putReceived: sql('INSERT OR IGNORE INTO session_received (client, packet) VALUES (?, ?)'),
    forgetReceived: sql('DELETE FROM session_received WHERE client = ? AND packet = ?'),
    putWill: sql(
      `INSERT INTO session_wills (client, name, topic, payload, qos, retain) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (client) DO UPDATE SET name = excluded.name, topic = excluded.topic,
         payload = excluded.payload, qos = excluded.qos, retain = excluded.retain`,
    ),
    forgetWill: sql('DELETE FROM session_wills WHERE client = ?'),
  };
}
export type SessionWrites = ReturnType<typeof prepareSessionWrites>;
