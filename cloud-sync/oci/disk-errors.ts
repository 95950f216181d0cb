import { errorCode } from '../../lib/error-code.ts';
import { SyncError } from '../errors.ts';

/** Names a full disk or quota; passes every other failure through. */
export function asDiskError(error: unknown, path: string): unknown {
  const code = errorCode(error);
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return diskFull(`No space is left to write ${path}`, error);
}

/** Transient: it goes away when someone makes room. */
export function diskFull(message: string, cause?: unknown): SyncError {
  return new SyncError('diskFull', message, {
    cause,
    transient: true,
    hint: 'Free some space. The agent goes on by itself, a command when it is given again.',
  });
}
