import { Kysely, sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import { errorMessage } from '../../../lib/error-code.ts';
import { SyncError } from '../../errors.ts';
import { migrations } from './migrations.ts';
import { nodeSqliteDialect, type SqliteOptions } from './node-sqlite-dialect.ts';
import type { Database, Tables } from './schema.ts';
import { isKeptFromUs, storageError } from './sqlite-errors.ts';

/**
 * Opens the database at `path` (`:memory:` for a test) and brings it up to date. The caller calls `destroy()`.
 * After `onFailedFsync` nothing more may be promised: the process has to end.
 * @throws SyncError 'corrupt' when the file is no database of ours or a migration fails, 'badState' when a newer version wrote it or
 * it may not be opened, 'diskFull', 'unavailable' when the disk does not take it.
 */
export async function openDatabase(path: string, options: SqliteOptions = {}): Promise<Database> {
  const db = new Kysely<Tables>({ dialect: nodeSqliteDialect(path, options) });
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) {
    // Another program's lock would be waited for once more.
    const isKept = isKeptFromUs(error);
    const newer = isKept ? undefined : await unknownMigration(db).catch(() => undefined);
    await db.destroy().catch(() => undefined);
    if (newer !== undefined) throw tooNew(path, newer);
    const told = storageError(error);
    if (told !== error) throw told;
    if (isKept) throw keptFromUs(path, error);
    throw new SyncError('corrupt', `Cannot open the database ${path}: ${errorMessage(error)}`, {
      hint: 'Put back a copy of the folder, or move the file away to start empty.',
      cause: error,
    });
  }
  return db;
}

/** What a newer version did to the database, and this one knows nothing of. */
async function unknownMigration(db: Database): Promise<string | undefined> {
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db);
  return rows.find(({ name }) => !Object.hasOwn(migrations, name))?.name;
}

function keptFromUs(path: string, cause: unknown): SyncError {
  return new SyncError('badState', `Cannot open the database ${path}: ${errorMessage(cause)}`, {
    hint: 'Nothing is wrong with what is in it: see who may write the file and its folder, and what else has it open.',
    cause,
  });
}

function tooNew(path: string, migration: string): SyncError {
  return new SyncError('badState', `A newer Holdfast wrote the database ${path} (${migration})`, {
    hint: 'Start that version; nothing was changed.',
  });
}
