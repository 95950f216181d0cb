import { errorCode } from '../../../lib/error-code.ts';

/** Failures of the machine rather than of one file: nothing that comes after would do better. */
const fatalCodes = new Set([
  'ENOSPC',
  'EDQUOT',
  'EIO',
  'EROFS',
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'ENOTCONN',
  'ESTALE',
]);

/** An error without a code of the system is a mistake of ours. */
export function stopsEverything(error: unknown): boolean {
  const code = errorCode(error);
  return code === undefined || fatalCodes.has(code);
}
