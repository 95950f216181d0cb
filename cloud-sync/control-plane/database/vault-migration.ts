import { sql, type Kysely } from 'kysely';

/**
 * Files of the devices' vaults: what is listed, and when the cloud received it, whatever a copy of its folder does to the times
 * of files. `vault_usage` is their sum, kept by triggers. `vault_removals` is what was removed and is not in the audit log yet.
 */
export async function createVaults(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `CREATE TABLE vault_files (
    device TEXT NOT NULL REFERENCES devices (name), type TEXT NOT NULL, name TEXT NOT NULL,
    bytes INTEGER NOT NULL, received_ms INTEGER NOT NULL, PRIMARY KEY (device, type, name)) STRICT, WITHOUT ROWID`,
  `CREATE INDEX vault_snapshots ON vault_files (device, received_ms) WHERE type = 'snapshots'`,
  `CREATE TABLE vault_usage (
    device TEXT NOT NULL, type TEXT NOT NULL, files INTEGER NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (device, type)) STRICT, WITHOUT ROWID`,
  `CREATE TRIGGER vault_file_added AFTER INSERT ON vault_files BEGIN
    INSERT INTO vault_usage VALUES (new.device, new.type, 1, new.bytes)
      ON CONFLICT DO UPDATE SET files = files + 1, bytes = bytes + new.bytes; END`,
  `CREATE TRIGGER vault_file_removed AFTER DELETE ON vault_files BEGIN
    UPDATE vault_usage SET files = files - 1, bytes = bytes - old.bytes
      WHERE device = old.device AND type = old.type; END`,
  `CREATE TABLE vault_quotas (
    device TEXT PRIMARY KEY REFERENCES devices (name), quota_bytes INTEGER) STRICT`,
  `CREATE TABLE vault_grants (
    device TEXT PRIMARY KEY REFERENCES devices (name), until_ms INTEGER NOT NULL, granted_by TEXT NOT NULL) STRICT`,
  `CREATE TABLE vault_removals (
    device TEXT NOT NULL REFERENCES devices (name), actor TEXT NOT NULL, files INTEGER NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (device, actor)) STRICT`,
];
