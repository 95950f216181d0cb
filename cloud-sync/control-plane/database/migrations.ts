import { sql, type Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import { createShadows } from './shadows-migration.ts';
import { createSegments } from './segments-migration.ts';
import { addUpdateColumns } from './updates-migration.ts';
import { createVaults } from './vault-migration.ts';

/** In order of name. A migration that was released is never edited: a later one amends it. */
export const migrations: Record<string, Migration> = {
  '0001-first': {
    up: async (db) => {
      for (const statement of first) await run(db, statement);
    },
  },
  '0002-segments': { up: createSegments },
  '0003-shadows': { up: createShadows },
  '0004-vaults': { up: createVaults },
  '0005-updates': { up: addUpdateColumns },
};

const run = (db: Kysely<unknown>, statement: string) => sql.raw(statement).execute(db);

const first = [
  `CREATE TABLE operators (
    token_hash TEXT PRIMARY KEY, name TEXT NOT NULL, created TEXT NOT NULL) STRICT`,
  `CREATE TABLE devices (
    name TEXT PRIMARY KEY, tenant TEXT NOT NULL, created TEXT NOT NULL, recovery_key TEXT) STRICT`,
  `CREATE TABLE certificates (
    serial TEXT PRIMARY KEY, device TEXT NOT NULL REFERENCES devices (name),
    created TEXT NOT NULL, not_after TEXT NOT NULL, revoked TEXT) STRICT`,
  `CREATE INDEX certificates_by_device ON certificates (device)`,
  `CREATE TABLE enrolment_tokens (
    secret_hash TEXT PRIMARY KEY, device TEXT NOT NULL REFERENCES devices (name),
    created TEXT NOT NULL, expires TEXT NOT NULL,
    key_hash TEXT, certificate TEXT, serial TEXT REFERENCES certificates (serial)) STRICT`,
  `CREATE TABLE manifests (
    digest TEXT PRIMARY KEY, bytes BLOB NOT NULL, created TEXT NOT NULL) STRICT`,
  `CREATE TABLE generations (
    device TEXT NOT NULL REFERENCES devices (name), generation INTEGER NOT NULL,
    digest TEXT NOT NULL REFERENCES manifests (digest), size INTEGER NOT NULL, created TEXT NOT NULL,
    PRIMARY KEY (device, generation)) STRICT`,
  `CREATE TABLE presence (
    device TEXT PRIMARY KEY REFERENCES devices (name), serial TEXT NOT NULL, online INTEGER NOT NULL,
    session INTEGER NOT NULL, boot TEXT NOT NULL, agent TEXT NOT NULL, since TEXT NOT NULL) STRICT`,
  `CREATE TABLE reported (
    device TEXT PRIMARY KEY REFERENCES devices (name), serial TEXT NOT NULL,
    seq INTEGER NOT NULL, body TEXT NOT NULL, received TEXT NOT NULL) STRICT`,
  `CREATE TABLE epochs (
    device TEXT NOT NULL REFERENCES devices (name), epoch TEXT NOT NULL,
    serial TEXT NOT NULL REFERENCES certificates (serial), created TEXT NOT NULL, closed TEXT,
    PRIMARY KEY (device, epoch)) STRICT`,
  `CREATE TABLE relay_positions (
    device TEXT NOT NULL, epoch TEXT NOT NULL, stream TEXT NOT NULL, last_seq INTEGER NOT NULL,
    PRIMARY KEY (device, epoch, stream), FOREIGN KEY (device, epoch) REFERENCES epochs (device, epoch)) STRICT`,
  `CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL, epoch TEXT NOT NULL, stream TEXT NOT NULL,
    seq INTEGER NOT NULL, time TEXT NOT NULL, received TEXT NOT NULL, topic TEXT, payload BLOB,
    content_type TEXT, gap_count INTEGER, gap_reason TEXT,
    UNIQUE (device, epoch, stream, seq)) STRICT`,
  `CREATE INDEX messages_by_device ON messages (device, id)`,
  `CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
    device TEXT, detail TEXT NOT NULL) STRICT`,
  `CREATE TRIGGER audit_is_append_only_update BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END`,
  `CREATE TRIGGER audit_is_append_only_delete BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END`,
];
