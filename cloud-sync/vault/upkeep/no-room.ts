import { errorCode } from '../../../lib/error-code.ts';
import { SyncError, type SyncErrorCode } from '../../errors.ts';

const codes: ReadonlySet<SyncErrorCode | undefined> = new Set(['diskFull', 'quotaExceeded'] as const);

/** Whether a store had no room to write something: what can be removed still goes. */
export function isNoRoom(error: unknown): boolean {
  return codes.has(errorCode(error) as SyncErrorCode | undefined);
}

/** `work`; where it fails for lack of room, what it wrote until then is taken away by `undo`, as far as that goes. */
export async function orUndo<Result>(
  work: () => Promise<Result>,
  undo: () => Promise<unknown>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (isNoRoom(error)) await undo().catch(() => undefined);
    throw error;
  }
}

/** `cause`, a lack of room, in other words. */
export function noRoom(message: string, { hint, cause }: { hint: string; cause: unknown }): SyncError {
  const code = errorCode(cause) === 'quotaExceeded' ? 'quotaExceeded' : 'diskFull';
  return new SyncError(code, message, { hint, cause, transient: true });
}
