import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { SqliteAdapter, SqliteDialect, type SqliteDatabase, type SqliteStatement } from 'kysely';
import { takeFromDisk } from '../../../lib/forget-unwritten.ts';
import { isFailedFsync } from './sqlite-errors.ts';

/** Statements kept prepared; longer texts (inserts of many rows) vary and are prepared each time. */
const cachedStatements = 200;
const cachedTextLength = 2000;

export type SqliteOptions = {
  /** A write failed in a way after which no later fsync can be believed; the statement still throws. */
  readonly onFailedFsync?: ((error: unknown) => void) | undefined;
  /** How long another program's lock is waited for. Default 5 s. */
  readonly lockTimeoutMs?: number | undefined;
};

/**
 * Kysely's own SQLite dialect over node:sqlite, which blocks the event loop for the length of a statement.
 * A commit returns after fsync (`synchronous=FULL`, also in WAL mode). [G1]
 */
export function nodeSqliteDialect(path: string, options: SqliteOptions = {}): SqliteDialect {
  return new NodeSqliteDialect({
    database: async () => {
      await takeFromDisk(`${path}-wal`);
      return openDatabase(path, options);
    },
  });
}

class NodeSqliteDialect extends SqliteDialect {
  override createAdapter(): SqliteAdapter {
    return new TransactionalDdl();
  }
}

/** SQLite rolls back CREATE and ALTER too, so a kill in the middle of a migration leaves nothing of it. */
class TransactionalDdl extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

function openDatabase(
  path: string,
  { onFailedFsync = () => undefined, lockTimeoutMs = 5000 }: SqliteOptions,
): SqliteDatabase {
  const database = new DatabaseSync(path, { timeout: lockTimeoutMs, enableForeignKeyConstraints: true });
  // auto_vacuum counts only before the first table is made: files of older versions keep what they have.
  database.exec('PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
  const cache = new Map<string, SqliteStatement>();
  return {
    prepare: (sql) => {
      // SQLite has rolled back by itself after some failures (a full disk); the error would hide the one that says why.
      if (sql === 'rollback' && !database.isTransaction) return nothing;
      if (sql.length > cachedTextLength) return adapt(database.prepare(sql), onFailedFsync);
      const statement = cache.get(sql) ?? adapt(database.prepare(sql), onFailedFsync);
      cache.delete(sql);
      cache.set(sql, statement);
      const [oldest] = cache.keys();
      if (cache.size > cachedStatements && oldest !== undefined) cache.delete(oldest);
      return statement;
    },
    close: () => database.close(),
  };
}

const nothing: SqliteStatement = {
  reader: false,
  all: () => [],
  run: () => ({ changes: 0, lastInsertRowid: 0 }),
  iterate: () => [].values(),
};

function adapt(statement: StatementSync, onFailedFsync: (error: unknown) => void): SqliteStatement {
  const watched = <Result>(work: () => Result): Result => {
    try {
      return work();
    } catch (error) {
      if (isFailedFsync(error)) onFailedFsync(error);
      throw error;
    }
  };
  return {
    // It frees a page at each step, and `run` makes one step.
    reader: statement.columns().length > 0 || statement.sourceSQL.startsWith('PRAGMA incremental_vacuum'),
    all: (parameters) => watched(() => statement.all(...(parameters as SQLInputValue[]))),
    run: (parameters) => watched(() => statement.run(...(parameters as SQLInputValue[]))),
    iterate: (parameters) => statement.iterate(...(parameters as SQLInputValue[])),
  };
}
