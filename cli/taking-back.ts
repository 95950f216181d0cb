import { SyncError, type SyncErrorCode } from '../cloud-sync/errors.ts';

const unknownEnds: readonly SyncErrorCode[] = ['network', 'timeout', 'badAnswer', 'internal', 'unavailable'];

/**
 * `send`, which may be called again and again, with `takeBack` called once it was refused. Of an attempt that was cut off nobody knows
 * whether the cloud has it, and what a later one is told says nothing of that: nothing is taken back then.
 */
export function takingBack<Args extends readonly unknown[], T>(
  send: (...args: Args) => Promise<T>,
  takeBack: () => Promise<void>,
): (...args: Args) => Promise<T> {
  let mayHaveIt = false;
  return async (...args) => {
    try {
      return await send(...args);
    } catch (error) {
      mayHaveIt ||= !isRefusal(error);
      if (!mayHaveIt) await takeBack();
      throw error;
    }
  };
}

function isRefusal(error: unknown): boolean {
  return error instanceof SyncError && !error.transient && !unknownEnds.includes(error.code);
}
