/**
 * What the local broker remembers of its clients over restarts; part of schema version 4. `away` is NULL while the client
 * is connected. A message belongs to one session; `packet` is its packet identifier there. Of one that was received and
 * not yet released (QoS 2, outwards), `released` is 1 and the payload is gone.
 */
export const sessionTables = `
  CREATE TABLE sessions (
    client TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    away INTEGER,
    dropped INTEGER NOT NULL
  ) WITHOUT ROWID, STRICT;

  CREATE TABLE session_subscriptions (
    client TEXT NOT NULL,
    filter TEXT NOT NULL,
    qos INTEGER NOT NULL,
    PRIMARY KEY (client, filter)
  ) WITHOUT ROWID, STRICT;

  CREATE TABLE session_messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    client TEXT NOT NULL,
    packet INTEGER NOT NULL,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    qos INTEGER NOT NULL,
    retain INTEGER NOT NULL,
    released INTEGER NOT NULL,
    size INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX session_messages_by_client ON session_messages (client, id);

  CREATE TABLE session_received (
    client TEXT NOT NULL,
    packet INTEGER NOT NULL,
    PRIMARY KEY (client, packet)
  ) WITHOUT ROWID, STRICT;

  CREATE TABLE session_wills (
    client TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    qos INTEGER NOT NULL,
    retain INTEGER NOT NULL
  ) WITHOUT ROWID, STRICT;
`;
