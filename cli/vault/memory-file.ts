import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { sweepTemporaries } from '../../lib/atomic-write.ts';
import { errorCode, errorMessage } from '../../lib/error-code.ts';
import { makeFolder } from '../../lib/make-folder.ts';
import { cacheFolder } from '../cache-folder.ts';
import type { Run } from '../run.ts';

const dayMs = 86_400_000;

/**
 * Where a snapshot remembers what it saw, one file for each repository, host and path, in the user's cache: what is there may be deleted
 * at any time. Makes the folder, for this user alone: names of files are in it. Undefined, and said, where the system does not allow
 * that: a snapshot needs none.
 */
export async function memoryFile(
  { io: { env }, out }: Pick<Run, 'io' | 'out'>,
  subject: readonly string[],
): Promise<string | undefined> {
  const folder = cacheFolder(env, 'vault');
  try {
    await makeFolder(folder, { mode: 0o700 });
    // What snapshots that were killed left half-written; another may be writing now.
    await sweepTemporaries(folder, { before: Date.now() - dayMs });
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    out.note(
      `Nothing is remembered for the next snapshot, which takes longer without: ${errorMessage(error)}`,
    );
    return undefined;
  }
  const name = createHash('sha256').update(JSON.stringify(subject)).digest('hex').slice(0, 32);
  return join(folder, name);
}
