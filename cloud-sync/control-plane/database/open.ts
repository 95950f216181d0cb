import { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import { errorMessage } from '../../../lib/error-code.ts';
import { SyncError } from '../../errors.ts';
import { migrations } from './migrations.ts';
import { nodeSqliteDialect } from './node-sqlite-dialect.ts';
import type { Database, Tables } from './schema.ts';

/**
 * Opens the database at `path` (`:memory:` for a test) and brings it up to date. The caller calls `destroy()`.
 * After `onFailedFsync` nothing more may be promised: the process has to end.
 * @throws SyncError 'corrupt' when the file is no database of ours or a migration fails.
 */
export async function openDatabase(
  path: string,
  options: { readonly onFailedFsync?: (error: unknown) => void } = {},
): Promise<Database> {
  const db = new Kysely<Tables>({ dialect: nodeSqliteDialect(path, options.onFailedFsync) });
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) {
    await db.destroy().catch(() => undefined);
    throw new SyncError('corrupt', `Cannot open the database ${path}: ${errorMessage(error)}`, {
      hint: 'Put back a copy of the folder, or move the file away to start empty.',
      cause: error,
    });
  }
  return db;
}
