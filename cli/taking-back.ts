import { SyncError, type SyncErrorCode } from '../cloud-sync/errors.ts';
import { errorMessage } from '../lib/error-code.ts';
import { explainSystemError } from './system-error.ts';

const unknownEnds: readonly SyncErrorCode[] = [
  'network',
  'timeout',
  'badAnswer',
  'internal',
  'unavailable',
  'diskFull',
];

/**
 * `send`, which may be called again and again, with `takeBack` called once it was refused. Of an attempt that was cut off nobody knows
 * whether the cloud has it, and what a later one is told says nothing of that: nothing is taken back then. When it cannot be taken back, the refusal says that too.
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
      if (mayHaveIt || !isRefusal(error)) mayHaveIt = true;
      else await takeBack().catch((second: unknown) => refuseWith(error, second));
      throw error;
    }
  };
}

function refuseWith({ code, message, hint }: SyncError, second: unknown): never {
  const why = explainSystemError(second)?.message ?? errorMessage(second);
  throw new SyncError(
    code,
    `${message.replace(/[.]?$/, '.')} And what was there before could not be put back: ${why}`,
    { cause: second, ...(hint !== undefined && { hint }) },
  );
}

function isRefusal(error: unknown): error is SyncError {
  return error instanceof SyncError && !error.transient && !unknownEnds.includes(error.code);
}
