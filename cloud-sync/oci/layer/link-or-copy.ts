import { constants, copyFileSync, linkSync, lstatSync, readlinkSync, symlinkSync } from 'node:fs';
import { errorCode } from '../../../lib/error-code.ts';
import { makeFifo } from './make-fifo.ts';
import { readAttributes, setMetadata, type TreeAccess } from './tree-access.ts';

/** The file has as many names as it can have, or the file system gives only one. */
const noLink = new Set(['EMLINK', 'EPERM', 'ENOTSUP', 'ENOSYS']);

/** Another name for a file, link or fifo; a copy of it where there cannot be one. Throws `EEXIST`. */
export function linkOrCopy(from: string, to: string, access: TreeAccess): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if (!noLink.has(errorCode(error) ?? '')) throw error;
    copy(from, to, access);
  }
}

function copy(from: string, to: string, access: TreeAccess): void {
  const stats = lstatSync(from, { bigint: true });
  const isLink = stats.isSymbolicLink();
  if (isLink) symlinkSync(readlinkSync(from), to);
  else if (stats.isFIFO()) makeFifo(to, access.posix);
  else copyFileSync(from, to, constants.COPYFILE_EXCL);
  const [uid, gid] = [Number(stats.uid), Number(stats.gid)];
  const metadata = { mode: Number(stats.mode) & 0o7777, uid, gid, mtimeNs: stats.mtimeNs };
  setMetadata(to, { ...metadata, attributes: readAttributes(from, access.posix) }, { ...access, isLink });
}
