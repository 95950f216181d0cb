import { randomBytes } from 'node:crypto';
import { isAbsolute } from 'node:path';
import { errorCode } from '../../../lib/error-code.ts';
import { SyncError } from '../../errors.ts';
import type { CallOptions } from '../backend/backend.ts';
import type { Repository } from '../repository.ts';

/**
 * Rejects with `forbidden` when the store lets this credential add only, before anything is written that could not be tidied up. `what`
 * is what it was wanted for: "prune".
 */
export async function requireRemoval(
  repository: Repository,
  what: string,
  { signal }: CallOptions,
): Promise<void> {
  // A name that no file can have: whoever may remove may remove it too, and nothing is gone.
  const nobody = randomBytes(32).toString('hex');
  await explainForbidden(repository, what, () => repository.backend.remove('data', nobody, { signal }));
}

/** Lets a `forbidden` of the store say what is needed. */
export async function explainForbidden<Result>(
  { backend }: Repository,
  what: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    // A folder says itself what its system does not allow.
    if (errorCode(error) !== 'forbidden' || isAbsolute(backend.location)) throw error;
    throw new SyncError(
      'forbidden',
      `Cannot ${what} ${backend.location}: its store lets this credential add only`,
      {
        hint: 'An operator can allow removals for a while: holdfast vault grant DEVICE --for 1h. Then run it again.',
        cause: error,
      },
    );
  }
}
