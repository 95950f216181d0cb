import { sql, type Kysely } from 'kysely';

/** `leave`: what a generation waits for besides its turn. `phase` is the last that the device reported of it, `reason` why it gave up. */
export async function addUpdateColumns(db: Kysely<unknown>): Promise<void> {
  for (const column of ['leave', 'phase', 'reason', 'reported'])
    await sql.raw(`ALTER TABLE generations ADD COLUMN ${column} TEXT`).execute(db);
}
