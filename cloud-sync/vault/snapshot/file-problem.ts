import { errorCode, errorMessage } from '../../../lib/error-code.ts';
import type { SnapshotProblem } from './snapshot-problem.ts';

const goneCodes = ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'];
/** What says something of one file, rather than of this machine or this program. */
const unreadableCodes = [
  'EACCES',
  'EPERM',
  'EIO',
  'EISDIR',
  'ESTALE',
  'ENAMETOOLONG',
  'EBUSY',
  'ETXTBSY',
  'EOVERFLOW',
  // Of a lease that somebody holds, such as Samba.
  'EAGAIN',
  'EILSEQ',
  // What a file system says of a damaged or locked inode, for which node has no names: EBADMSG, EUCLEAN and ENOKEY of Linux.
  'Unknown system error -74',
  'Unknown system error -117',
  'Unknown system error -126',
];

/** The problem of a file, or folder, that was not taken; throws again what no file is the cause of. */
export function fileProblem(error: unknown): Pick<SnapshotProblem, 'code' | 'message'> {
  const code = errorCode(error) ?? '';
  if (goneCodes.includes(code)) return { code: 'vanished', message: errorMessage(error) };
  if (unreadableCodes.includes(code)) return { code: 'unreadable', message: errorMessage(error) };
  throw error;
}
