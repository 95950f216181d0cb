import type { DatabaseSync } from 'node:sqlite';
import { silentLogger, type Logger } from '../../lib/logger.ts';
import { AgentError } from '../errors.ts';
import { newEpoch } from './epoch.ts';
import { keepMessagesByNumber } from './numbered-messages.ts';
import { sessionTables } from './session-tables.ts';
import { isFullDisk } from './sqlite-errors.ts';

const version = 6;
/** What a migration to version 5 writes of a file, and somewhat more; those behind it add tables that are empty. */
const spareRoom = 1.1;
const emptyTablesMiB = 4;

/**
 * One file for everything an event touches, so that one transaction can end the event and hold all it caused.
 * Times are milliseconds since 1970. `size` is what retention counts.
 */
const tables = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT;

  CREATE TABLE streams (
    name TEXT PRIMARY KEY,
    last_seq INTEGER NOT NULL,
    acked_seq INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    spent_day TEXT NOT NULL,
    spent_bytes INTEGER NOT NULL,
    epoch_start INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID, STRICT;

  CREATE TABLE messages (
    stream TEXT NOT NULL,
    seq INTEGER NOT NULL,
    time INTEGER NOT NULL,
    size INTEGER NOT NULL,
    topic TEXT,
    content_type TEXT,
    payload BLOB,
    gap_count INTEGER,
    gap_reason TEXT,
    PRIMARY KEY (stream, seq)
  ) WITHOUT ROWID, STRICT;

  CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    function TEXT NOT NULL,
    kind TEXT NOT NULL,
    topic TEXT NOT NULL,
    content_type TEXT,
    payload BLOB NOT NULL,
    time INTEGER NOT NULL,
    hops INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    not_before INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX events_by_function ON events (function, id);

  CREATE TABLE dead_letters (
    id INTEGER PRIMARY KEY,
    function TEXT NOT NULL,
    kind TEXT NOT NULL,
    topic TEXT NOT NULL,
    content_type TEXT,
    payload BLOB NOT NULL,
    time INTEGER NOT NULL,
    hops INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    died INTEGER NOT NULL,
    error_code TEXT NOT NULL,
    error_message TEXT NOT NULL
  ) STRICT;
  CREATE INDEX dead_letters_by_function ON dead_letters (function, id);

  CREATE TABLE kv (store TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (store, key)) WITHOUT ROWID, STRICT;
  CREATE TABLE kv_usage (store TEXT PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID, STRICT;

  CREATE TABLE retained (topic TEXT PRIMARY KEY, content_type TEXT, payload BLOB NOT NULL, qos INTEGER NOT NULL) WITHOUT ROWID, STRICT;
`;

/** What came with version 2, in which the tables above are. */
const epochStart = 'ALTER TABLE streams ADD COLUMN epoch_start INTEGER NOT NULL DEFAULT 0';

/** What came with version 3; a new database is made in two steps too, so that this is written once. */
const thirdVersion = `
  CREATE TABLE schedules (
    function TEXT NOT NULL,
    schedule TEXT NOT NULL,
    planned INTEGER NOT NULL,
    PRIMARY KEY (function, schedule)
  ) WITHOUT ROWID, STRICT;

  CREATE TABLE pauses (
    function TEXT PRIMARY KEY,
    since INTEGER NOT NULL,
    reason TEXT NOT NULL
  ) WITHOUT ROWID, STRICT;

  CREATE TABLE spending (
    function TEXT PRIMARY KEY,
    day TEXT NOT NULL,
    invocations INTEGER NOT NULL,
    egress_bytes INTEGER NOT NULL,
    cpu_ms REAL NOT NULL,
    dropped INTEGER NOT NULL,
    lifted INTEGER NOT NULL
  ) WITHOUT ROWID, STRICT;

  CREATE TABLE files (
    function TEXT NOT NULL,
    volume TEXT NOT NULL,
    path TEXT NOT NULL,
    size INTEGER NOT NULL,
    modified REAL NOT NULL,
    inode REAL NOT NULL,
    PRIMARY KEY (function, volume, path)
  ) WITHOUT ROWID, STRICT;

  CREATE INDEX events_by_queue ON events (topic, function) WHERE kind = 'queue';

  CREATE INDEX events_by_time ON events (function, not_before) WHERE not_before > 0;

  ALTER TABLE kv ADD COLUMN expires INTEGER;
  CREATE INDEX kv_by_expiry ON kv (expires) WHERE expires IS NOT NULL;
`;

/** What came with version 4. Ids of dead letters are never used again, or one that is named by hand could be another. */
const fourthVersion = `
  ALTER TABLE messages ADD COLUMN key TEXT;
  ALTER TABLE messages ADD COLUMN hops INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE messages ADD COLUMN origin TEXT;
  CREATE INDEX messages_by_key ON messages (stream, key, seq) WHERE key IS NOT NULL;
  CREATE INDEX messages_gaps ON messages (stream, seq) WHERE gap_count IS NOT NULL;

  ALTER TABLE streams ADD COLUMN messages INTEGER NOT NULL DEFAULT 0;
  UPDATE streams SET messages =
    (SELECT count(*) FROM messages WHERE stream = streams.name AND gap_count IS NULL);

  CREATE TABLE consumers (
    stream TEXT NOT NULL,
    name TEXT NOT NULL,
    seq INTEGER NOT NULL,
    spent_day TEXT NOT NULL,
    spent_bytes INTEGER NOT NULL,
    PRIMARY KEY (stream, name)
  ) WITHOUT ROWID, STRICT;

  ALTER TABLE dead_letters RENAME TO old_dead_letters;
  DROP INDEX dead_letters_by_function;
  CREATE TABLE dead_letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    function TEXT NOT NULL,
    kind TEXT NOT NULL,
    topic TEXT NOT NULL,
    content_type TEXT,
    payload BLOB NOT NULL,
    time INTEGER NOT NULL,
    hops INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    died INTEGER NOT NULL,
    error_code TEXT NOT NULL,
    error_message TEXT NOT NULL
  ) STRICT;
  INSERT INTO dead_letters SELECT * FROM old_dead_letters;
  DROP TABLE old_dead_letters;
  CREATE INDEX dead_letters_by_function ON dead_letters (function, id);
`;

/** What came with version 6: events of one commit in one row, see `event-page.ts`. Ids of both are counted in one sequence. */
const sixthVersion = `
  CREATE TABLE event_pages (
    id INTEGER PRIMARY KEY,
    function TEXT NOT NULL,
    waiting BLOB NOT NULL,
    heads TEXT NOT NULL,
    payloads BLOB NOT NULL
  ) STRICT;
  CREATE INDEX event_pages_by_function ON event_pages (function, id);

  INSERT INTO sqlite_sequence (name, seq)
    SELECT 'events', 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'events');
`;

/**
 * Brings an empty or older database to the present schema, in one transaction: what it throws leaves everything as it was.
 * Refuses one of a newer agent.
 */
export function migrate(database: DatabaseSync, path: string, logger: Logger = silentLogger): void {
  const found = Number(database.prepare('PRAGMA user_version').get()?.user_version);
  if (found > version)
    throw new AgentError(
      'unsupported',
      `The local store ${path} is of a newer agent (schema ${found}, this one knows ${version})`,
      {
        hint: 'Run the newer agent again.',
      },
    );
  if (found === version) return;
  try {
    bringUp(database, found, { path, logger });
  } catch (error) {
    // A full disk may have ended the transaction already.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw isFullDisk(error) ? noRoom(database, { path, found }, error) : error;
  }
}

function bringUp(
  database: DatabaseSync,
  found: number,
  { path, logger }: { readonly path: string; readonly logger: Logger },
): void {
  // What a log holds already would take room beside what is written now.
  if (found !== 0) database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  database.exec('BEGIN IMMEDIATE');
  if (found === 0) {
    database.exec(tables);
    database.prepare('INSERT INTO meta (key, value) VALUES (?, ?)').run('epoch', newEpoch());
  } else logger.info('store.migration.begun', { path, from: found, to: version });
  if (found === 1) database.exec(epochStart);
  if (found < 3) database.exec(thirdVersion);
  if (found < 4) database.exec(fourthVersion + sessionTables);
  if (found < 5) keepMessagesByNumber(database, path, logger);
  database.exec(sixthVersion);
  database.exec(`PRAGMA user_version = ${version}`);
  database.exec('COMMIT');
  if (found !== 0) logger.info('store.migration.ended', { path });
}

/** Until its end all that is changed is in the log, beside the file. */
function noRoom(
  database: DatabaseSync,
  { path, found }: { readonly path: string; readonly found: number },
  cause: unknown,
): AgentError {
  if (found === 0)
    return new AgentError('diskFull', `Cannot make the local store ${path}: the disk is full`, {
      cause,
      hint: `Free ${emptyTablesMiB} MiB on this disk and start the agent again.`,
      transient: true,
    });
  const pages = Number(database.prepare('PRAGMA page_count').get()?.page_count);
  const pageBytes = Number(database.prepare('PRAGMA page_size').get()?.page_size);
  const wholeMiB = Math.ceil((pages * pageBytes * spareRoom) / 2 ** 20);
  const neededMiB = found < 5 ? wholeMiB : emptyTablesMiB;
  return new AgentError('diskFull', `Cannot bring ${path} to the form of this agent: the disk is full`, {
    cause,
    hint: `Free ${neededMiB} MiB on this disk and start the agent again, or run the earlier one: nothing was changed.`,
    transient: true,
  });
}
