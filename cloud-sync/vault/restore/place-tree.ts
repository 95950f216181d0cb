import { chmod, chown, mkdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from '../../../lib/atomic-write.ts';
import { errorCode } from '../../../lib/error-code.ts';
import { openPosix } from '../../../lib/posix.ts';
import { SyncError } from '../../errors.ts';
import type { RestoreTarget } from './restore-target.ts';
import { asideName, removeStagingFolder, type Staging } from './staging.ts';
import { writeMarker } from './staging-marker.ts';

/**
 * The tree takes the target's name, durably; what was there before is removed. After a crash the name has either state, the old one
 * once `recoverTarget` ran. The tree has to be synced.
 */
export async function placeTree(target: RestoreTarget, staging: Staging): Promise<void> {
  if (target.state === 'filled') await exchange(target, staging);
  else await moveIn(target, staging);
  await syncFolder(target.parent);
  staging[Symbol.dispose]();
  await removeStagingFolder(staging.folder);
}

/** The mode and owner of the folder that it takes the place of, or those of any new folder. */
export async function likeTarget(target: RestoreTarget, { tree, folder }: Staging): Promise<void> {
  const { mode, uid, gid } = await stat(target.state === 'missing' ? await newFolder(folder) : target.path);
  const own = await stat(tree);
  if (own.uid !== uid || own.gid !== gid) await chown(tree, uid, gid);
  await chmod(tree, mode & 0o7777);
}

/** Has what the umask leaves to new folders. Goes with the staging folder. */
async function newFolder(above: string): Promise<string> {
  const path = join(above, 'new');
  await mkdir(path, { recursive: true });
  return path;
}

/** Over a folder that is not empty any more the kernel refuses. */
async function moveIn(target: RestoreTarget, { tree }: Staging): Promise<void> {
  try {
    await rename(tree, target.path);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(errorCode(error) ?? '')) throw error;
    throw new SyncError('conflict', `Cannot restore to ${target.path}: something came there meanwhile`, {
      cause: error,
      hint: 'Remove it and restore again: what was restored is kept until then.',
    });
  }
}

async function exchange(target: RestoreTarget, staging: Staging): Promise<void> {
  await writeMarker(staging.folder, { ...staging.marker, state: 'exchanging' });
  try {
    openPosixExchange()(staging.tree, target.path);
  } catch (error) {
    if (!['ENOSYS', 'EINVAL', 'ENOTSUP'].includes(errorCode(error) ?? '')) throw error;
    await rename(target.path, join(staging.folder, asideName));
    await rename(staging.tree, target.path);
  }
}

function openPosixExchange(): (path: string, other: string) => void {
  const posix = openPosix();
  if (posix !== undefined) return (path, other) => posix.exchange(path, other);
  return () => {
    throw Object.assign(new Error('No access to the C library'), { code: 'ENOSYS' });
  };
}
