import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { SqliteAdapter, SqliteDialect, type SqliteDatabase, type SqliteStatement } from 'kysely';

/** Statements kept prepared; longer texts (inserts of many rows) vary and are prepared each time. */
const cachedStatements = 200;
const cachedTextLength = 2000;

/**
 * Kysely's own SQLite dialect over node:sqlite, which blocks the event loop for the length of a statement.
 * A commit returns after fsync (`synchronous=FULL`, also in WAL mode). [G1]
 */
export function nodeSqliteDialect(path: string): SqliteDialect {
  return new NodeSqliteDialect({ database: () => Promise.resolve(openDatabase(path)) });
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

function openDatabase(path: string): SqliteDatabase {
  const database = new DatabaseSync(path, { timeout: 5000, enableForeignKeyConstraints: true });
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
  const cache = new Map<string, SqliteStatement>();
  return {
    prepare: (sql) => {
      if (sql.length > cachedTextLength) return adapt(database.prepare(sql));
      const statement = cache.get(sql) ?? adapt(database.prepare(sql));
      cache.delete(sql);
      cache.set(sql, statement);
      const [oldest] = cache.keys();
      if (cache.size > cachedStatements && oldest !== undefined) cache.delete(oldest);
      return statement;
    },
    close: () => database.close(),
  };
}

function adapt(statement: StatementSync): SqliteStatement {
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...(parameters as SQLInputValue[])),
    run: (parameters) => statement.run(...(parameters as SQLInputValue[])),
    iterate: (parameters) => statement.iterate(...(parameters as SQLInputValue[])),
  };
}
