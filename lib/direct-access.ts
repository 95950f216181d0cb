import { constants } from 'node:fs';
import { errorCode } from './error-code.ts';

/** The size of a page, and of most file systems' blocks. Where more is asked for, the bytes go by the system's memory. */
export const directBlockBytes = 4096;

/** Has a file opened so that its disk and the program's memory meet without the system's own; undefined where the system knows no such thing. */
export const directFlag: number | undefined = (constants as { readonly O_DIRECT?: number }).O_DIRECT;

/** Not on this file system, or not from memory, to a place, or in lengths like these. */
const refusals: ReadonlySet<string | undefined> = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP']);

export function refusesDirect(error: unknown): boolean {
  return refusals.has(errorCode(error));
}
