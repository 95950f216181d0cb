import { chown, readdir, stat } from 'node:fs/promises';
import { makeFolder } from '../../../lib/make-folder.ts';
import type { LaunchSpec } from '../ports.ts';

/**
 * A folder on this machine that an app writes to. One that is new, or that is empty and still the agent's, is given to the app's user;
 * what has files in it is left as it is.
 */
export async function makeFolderFor(path: string, { uid, gid }: LaunchSpec['user']): Promise<void> {
  await makeFolder(path, { mode: 0o755 });
  const self = process.getuid?.();
  if (self !== 0 || uid === 0) return;
  if ((await stat(path)).uid === self && (await readdir(path)).length === 0) await chown(path, uid, gid);
}
