import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { atomicWrite, syncFolder } from '../../lib/atomic-write.ts';
import { errorMessage } from '../../lib/error-code.ts';
import { takeFromDisk } from '../../lib/forget-unwritten.ts';
import type { Logger } from '../../lib/logger.ts';
import { makeFolder } from '../../lib/make-folder.ts';
import { AgentError } from '../errors.ts';
import { migrate } from './schema.ts';
import { isCorruption, storeError } from './sqlite-errors.ts';

/** Up to this size the whole file is checked at every start (about 1 s a GiB); a larger one only after it was found suspect. */
const alwaysCheckedBytes = 128 * 2 ** 20;

export type OpenedDatabase = {
  readonly database: DatabaseSync;
  /** Where a broken predecessor was put, when there was one. */
  readonly setAside: string | undefined;
};

/**
 * Opens or makes the database at `path`. A corrupt one is kept beside it as `….broken-<time>` and a new one, with a new
 * epoch, takes its place; said in the log and by `setAside`, never silently. Every other failure (a full disk, missing
 * rights, a newer schema) rejects and touches nothing.
 */
export async function openDatabase(path: string, now: Date, logger: Logger): Promise<OpenedDatabase> {
  await makeFolder(dirname(path), { mode: 0o700 });
  const fresh = !existsSync(path);
  try {
    await takeFromDisk(`${path}-wal`);
    const opened = await tryOpen(path, now, logger);
    // The new file's name must survive a power cut too, or an acknowledged message goes with it. [G1]
    if (fresh || opened.setAside !== undefined) await syncFolder(dirname(path));
    return opened;
  } catch (error) {
    throw storeError(error, path);
  }
}

/** Makes the next start check the whole file, whatever its size. */
export function markSuspect(path: string): void {
  writeFileSync(suspectMark(path), '');
}

async function tryOpen(path: string, now: Date, logger: Logger): Promise<OpenedDatabase> {
  const begun = begunAside(path);
  if (begun !== undefined) {
    if (!existsSync(path)) moveAside(path, begun);
    logger.error('store.corrupt', {
      path,
      setAside: begun,
      error: 'The start that set it aside was cut short',
    });
  }
  try {
    const database = openSound(path, logger);
    rmSync(suspectMark(path), { force: true });
    return { database, setAside: begun };
  } catch (error) {
    if (!isCorruption(error)) throw error;
    const setAside = await putAside(path, now);
    logger.error('store.corrupt', { path, setAside, error: errorMessage(error) });
    const database = openSound(path, logger);
    rmSync(suspectMark(path), { force: true });
    return { database, setAside };
  }
}

function openSound(path: string, logger: Logger): DatabaseSync {
  const check =
    existsSync(path) && (statSync(path).size <= alwaysCheckedBytes || existsSync(suspectMark(path)));
  const database = new DatabaseSync(path, { timeout: 2000, defensive: true });
  try {
    // FULL: a commit survives a power cut [G1]. Once open, `WriteAheadLog` sees to that.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;');
    database.exec('PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -8192;');
    if (check) quickCheck(database);
    migrate(database, path, logger);
    // Not before: a migration sorts as many keys as the store has.
    database.exec('PRAGMA temp_store = MEMORY');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

class CorruptDatabase extends Error {
  readonly errcode = 11;
}

function quickCheck(database: DatabaseSync): void {
  const answer = database.prepare('PRAGMA quick_check(1)').get()?.quick_check;
  if (answer !== 'ok') throw new CorruptDatabase(String(answer));
}

/** Its name is on disk before it is used: a start that finds it and no database knows that there was one, and says so. */
async function putAside(path: string, now: Date): Promise<string> {
  const target = `${path}.broken-${now.toISOString().replaceAll(/[:.]/g, '-')}`;
  if (existsSync(target)) throw new AgentError('broken', `Cannot set ${path} aside: ${target} exists`);
  await atomicWrite(suspectMark(path), basename(target));
  moveAside(path, target);
  return target;
}

/** The log belongs to the file: without it the newest commits would be missing from what somebody may want to rescue. */
function moveAside(path: string, target: string): void {
  // The file first: SQLite discards a log that has no file, so a crash between these renames mixes nothing up.
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(path + suffix)) renameSync(path + suffix, target + suffix);
  }
}

/** Where an earlier start, cut short, has put the database; undefined when it did not come to that. */
function begunAside(path: string): string | undefined {
  const mark = suspectMark(path);
  const name = existsSync(mark) ? readFileSync(mark, 'utf8') : '';
  if (!name.startsWith(`${basename(path)}.broken-`) || basename(name) !== name) return undefined;
  const target = join(dirname(path), name);
  return existsSync(target) ? target : undefined;
}

/** Empty, or the name under which a corrupt database is being set aside. */
function suspectMark(path: string): string {
  return `${path}.suspect`;
}
