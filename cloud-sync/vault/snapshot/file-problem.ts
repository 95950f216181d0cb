import { errorCode, errorMessage } from '../../../lib/error-code.ts';
import type { SnapshotProblem } from './snapshot-request.ts';

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
];

/** The problem of a file, or folder, that was not taken; throws again what no file is the cause of. */
export function fileProblem(error: unknown): Pick<SnapshotProblem, 'code' | 'message'> {
  const code = errorCode(error) ?? '';
  if (goneCodes.includes(code)) return { code: 'vanished', message: errorMessage(error) };
  if (unreadableCodes.includes(code)) return { code: 'unreadable', message: errorMessage(error) };
  throw error;
}
