import { sqliteResultCode } from '../../../lib/sqlite-result-code.ts';
import { SyncError } from '../../errors.ts';

/** https://sqlite.org/rescode.html */
const full = 13;
const io = 10;
/** SQLITE_PERM, SQLITE_BUSY, SQLITE_LOCKED, SQLITE_READONLY, SQLITE_CANTOPEN. */
const refusals = [3, 5, 6, 8, 14];
/** SQLITE_IOERR_FSYNC and SQLITE_IOERR_DIR_FSYNC. */
const failedFsyncs = [io | (4 << 8), io | (5 << 8)];

/** Whether an fsync failed: the kernel may have dropped what a later fsync would report as written. */
export function isFailedFsync(error: unknown): boolean {
  const code = sqliteResultCode(error);
  return code !== undefined && failedFsyncs.includes(code);
}

/** Whether a file was not opened or written because of whose it is, where it is or who else has it; nothing is said of its content. */
export function isKeptFromUs(error: unknown): boolean {
  const code = sqliteResultCode(error);
  return code !== undefined && refusals.includes(code & 0xff);
}

/** Translates what storing throws, when it is the disk; other errors are bugs and come back as they are. */
export function storageError(error: unknown): unknown {
  const code = sqliteResultCode(error);
  if (code === undefined) return error;
  if ((code & 0xff) === full)
    return new SyncError('diskFull', 'Cannot store: the disk of the control plane is full', {
      cause: error,
      hint: 'Free space on it, or keep less: holdfast cloud retention. Devices send again by themselves.',
      transient: true,
    });
  if ((code & 0xff) !== io) return error;
  return new SyncError('unavailable', `Cannot store: the disk of the control plane failed (SQLite ${code})`, {
    cause: error,
    hint: 'Check the disk. Devices send again by themselves.',
    transient: true,
  });
}
