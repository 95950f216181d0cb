import { errorCode } from './error-code.ts';

/** Of the log of a database, when it is looked at before SQLite does: SQLITE_FULL and SQLITE_IOERR. */
const systemCodes: Readonly<Record<string, number>> = { ENOSPC: 13, EDQUOT: 13, EIO: 10 };

const full = 13;
/** SQLITE_IOERR_SHMSIZE: the index of the log, which is only ever made longer, found no room. */
const indexNotLonger = 10 | (19 << 8);

/**
 * The extended result code (https://sqlite.org/rescode.html) of what node:sqlite throws, and of a disk that fails where SQLite would have
 * said so; the primary one is in its lowest byte. Undefined for other errors.
 */
export function sqliteResultCode(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if (!('errcode' in error)) return systemCodes[errorCode(error) ?? ''];
  if (error.errcode === indexNotLonger) return full;
  return typeof error.errcode === 'number' ? error.errcode : undefined;
}
