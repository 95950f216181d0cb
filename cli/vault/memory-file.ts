import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { sweepTemporaries } from '../../lib/atomic-write.ts';
import { cacheFolder } from '../cache-folder.ts';
import type { Io } from '../io.ts';

const dayMs = 86_400_000;

/**
 * Where a snapshot remembers what it saw, one file for each repository, host and path, in the user's cache: what is there may be deleted
 * at any time. Makes the folder, for this user alone: names of files are in it.
 */
export async function memoryFile({ env }: Pick<Io, 'env'>, subject: readonly string[]): Promise<string> {
  const folder = cacheFolder(env, 'vault');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // What snapshots that were killed left half-written; another may be writing now.
  await sweepTemporaries(folder, { before: Date.now() - dayMs });
  const name = createHash('sha256').update(JSON.stringify(subject)).digest('hex').slice(0, 32);
  return join(folder, name);
}
