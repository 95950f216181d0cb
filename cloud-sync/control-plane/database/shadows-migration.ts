import { sql, type Kysely } from 'kysely';

/** A shadow that was deleted keeps its version for a while: `present` is 0 and `body` empty then. Times in seconds since 1970. */
export async function createShadows(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(
      `CREATE TABLE shadows (
        device TEXT NOT NULL REFERENCES devices (name), name TEXT NOT NULL, present INTEGER NOT NULL,
        version INTEGER NOT NULL, timestamp INTEGER NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (device, name)) STRICT`,
    )
    .execute(db);
}
