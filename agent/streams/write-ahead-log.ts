import { fdatasyncSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { syncFolder } from '../../lib/atomic-write.ts';
import { errorMessage } from '../../lib/error-code.ts';
import { AgentError } from '../errors.ts';
import { SyncPlace } from './sync-place.ts';

/**
 * The log of a database whose commits are synced here, beside the thread that made them unless the disk is quick, instead of
 * by SQLite: a commit is durable once a sync that began after it has resolved. SQLite itself still syncs the log's header and, around
 * each checkpoint, log and database (`synchronous = NORMAL`), so that a power cut leaves no broken file. [G1]
 */
export class WriteAheadLog implements AsyncDisposable {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #place = new SyncPlace();

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  /** Takes the syncs of `database`, at `path`, over. What was committed before is durable when it resolves. */
  static async open(database: DatabaseSync, path: string): Promise<WriteAheadLog> {
    // SQLite makes the log when it first reads, and keeps the one file until it closes the database.
    database.exec('SELECT 1 FROM sqlite_schema LIMIT 1');
    const log = `${path}-wal`;
    const file = await open(log, 'r+');
    try {
      await file.datasync();
      // Its name must survive a power cut as well; SQLite would see to that at a first sync of its own.
      await syncFolder(dirname(path));
    } catch (error) {
      await file.close();
      throw error;
    }
    database.exec('PRAGMA synchronous = NORMAL');
    return new WriteAheadLog(log, file);
  }

  /**
   * Undefined when it was done in this thread. Throws or rejects with AgentError 'broken': what was not on disk before may never be,
   * whatever a later sync says.
   */
  sync(): Promise<void> | undefined {
    if (!this.#place.isHere) return this.#syncBeside();
    const beganMs = performance.now();
    try {
      fdatasyncSync(this.#file.fd);
    } catch (cause) {
      throw this.#broken(cause);
    }
    this.#place.noteHere(performance.now() - beganMs);
    return undefined;
  }

  async #syncBeside(): Promise<void> {
    try {
      await this.#file.datasync();
    } catch (cause) {
      throw this.#broken(cause);
    }
    this.#place.noteBeside();
  }

  #broken(cause: unknown): AgentError {
    return new AgentError('broken', `Cannot write ${this.#path} (${errorMessage(cause)})`, {
      cause,
      hint: 'Check the disk and the permissions of the folder, then restart the agent.',
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}
