import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { errorCode } from './error-code.ts';
import { sqliteResultCode } from './sqlite-result-code.ts';

/**
 * Takes a folder for this process alone. The lock is the kernel's (SQLite's exclusive file lock), so it goes with the
 * process, a kill -9 included, and no stale lock can be left. Undefined when another process holds it. Throws node's error when this
 * user may not write there.
 */
export function lockFolder(folder: string): Disposable | undefined {
  const path = join(folder, '.lock');
  const database = open(folder, path);
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (isBusy(error)) return undefined;
    requireWritable(folder, path);
    throw error;
  }
  return { [Symbol.dispose]: () => database.close() };
}

function open(folder: string, path: string): DatabaseSync {
  try {
    return new DatabaseSync(path, { timeout: 0 });
  } catch (error) {
    requireWritable(folder, path);
    throw error;
  }
}

/** SQLite says only that it could not. */
function requireWritable(folder: string, path: string): void {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    accessSync(folder, constants.W_OK | constants.X_OK);
  }
}

const sqliteBusy = 5;

function isBusy(error: unknown): boolean {
  return sqliteResultCode(error) === sqliteBusy;
}
