import type { DatabaseSync } from 'node:sqlite';
import type { Logger } from '../../lib/logger.ts';
import { AgentError } from '../errors.ts';
import { maxSeq, maxStreams } from './message-ids.ts';

/**
 * What came with version 5: messages by one number instead of the stream's name and theirs, which spares a third of the work of a row.
 * See `messageId`.
 */
const tables = `
  ALTER TABLE streams ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
  UPDATE streams SET number = (SELECT count(*) FROM streams AS other WHERE other.name <= streams.name);
  CREATE UNIQUE INDEX streams_by_number ON streams (number) WHERE number > 0;

  ALTER TABLE messages RENAME TO old_messages;
  DROP INDEX messages_by_key;
  DROP INDEX messages_gaps;
  CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    size INTEGER NOT NULL,
    topic TEXT,
    payload BLOB,
    content_type TEXT,
    key TEXT,
    hops INTEGER NOT NULL DEFAULT 0,
    origin TEXT,
    gap_count INTEGER,
    gap_reason TEXT
  ) STRICT;
`;

/** After the rows, which come in another order than that of the keys. */
const indexes = `
  DROP TABLE old_messages;
  CREATE INDEX messages_by_key ON messages (key, id) WHERE key IS NOT NULL;
  CREATE INDEX messages_gaps ON messages (id) WHERE gap_count IS NOT NULL;
`;

/** Rows moved before their old pages are free for the next ones: the file hardly grows. */
const movedAtOnce = 10_000;
/** Rows between two lines of the log: some seconds on a slow disk. */
const toldEvery = 200_000;

/** Inside a transaction. Throws AgentError 'unsupported' with more streams or messages than the new form has numbers for. */
export function keepMessagesByNumber(database: DatabaseSync, path: string, logger: Logger): void {
  const held = database
    .prepare('SELECT count(*) AS streams, max(last_seq) AS seq, sum(messages) AS messages FROM streams')
    .get();
  if (Number(held?.streams) > maxStreams || Number(held?.seq ?? 0) > maxSeq)
    throw new AgentError(
      'unsupported',
      `The local store ${path} has ${String(held?.streams)} streams, one of them ${String(held?.seq)} messages long; this agent takes ${maxStreams} and ${maxSeq}`,
      { hint: 'Run the earlier agent again.' },
    );
  database.exec(tables);
  const all = Number(held?.messages ?? 0);
  let told = 0;
  for (const moved of moves(database)) {
    if (moved - told < toldEvery) continue;
    told = moved;
    logger.info('store.migration.progress', { path, moved, of: all });
  }
  database.exec(indexes);
}

/** Moves everything, in the order of the new rows, and tells how many rows it has moved. */
function* moves(database: DatabaseSync): Iterable<number> {
  const slice = database.prepare(
    'SELECT seq FROM old_messages WHERE stream = ? AND seq > ? ORDER BY seq LIMIT 1 OFFSET ?',
  );
  const copy = database.prepare(
    `INSERT INTO messages (id, time, size, topic, payload, content_type, key, hops, origin, gap_count, gap_reason)
     SELECT ? * ${maxSeq + 1} + seq, time, size, topic, payload, content_type, key, hops, origin, gap_count, gap_reason
     FROM old_messages WHERE stream = ? AND seq > ? AND seq <= ? ORDER BY seq`,
  );
  const drop = database.prepare('DELETE FROM old_messages WHERE stream = ? AND seq <= ?');
  let moved = 0;
  for (const { name = null, number = null } of database
    .prepare('SELECT name, number FROM streams ORDER BY number')
    .all())
    for (let after = 0, more = true; more;) {
      const last = slice.get(name, after, movedAtOnce - 1)?.seq;
      const end = Number(last ?? maxSeq);
      moved += Number(copy.run(number, name, after, end).changes);
      drop.run(name, end);
      more = last !== undefined;
      after = end;
      yield moved;
    }
}
