import { lstat, readFile, readdir, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { errorCode } from '../../../lib/error-code.ts';
import { makeFolder } from '../../../lib/make-folder.ts';
import { SyncError } from '../../errors.ts';

/** The folder that a restore makes, with all links on the way to it followed: its staging folder has to lie beside it. */
export type TargetPlace = { readonly path: string; readonly parent: string; readonly name: string };

export type RestoreTarget = TargetPlace & { readonly state: 'missing' | 'empty' | 'filled' };

/** Makes the folders above it. */
export async function placeOfTarget(path: string): Promise<TargetPlace> {
  await makeFolder(dirname(resolve(path)));
  return existingPlace(path);
}

/** Rejects with node's `ENOENT` when a folder above it is missing. */
export async function existingPlace(path: string): Promise<TargetPlace> {
  const real = await realTarget(resolve(path));
  if (basename(real) === '')
    throw new SyncError('badRequest', `Cannot restore over ${real}. Name a folder in it`);
  return { path: real, parent: dirname(real), name: basename(real) };
}

/**
 * Looks at what is there. Rejects with `conflict` where there is another thing than a folder, something mounted, or a folder with
 * entries that may not be replaced.
 */
export async function findTarget(
  place: TargetPlace,
  { replace }: { readonly replace: boolean },
): Promise<RestoreTarget> {
  const state = await stateOf(place.path);
  if (state === 'filled' && !replace) {
    throw new SyncError('conflict', `Cannot restore into ${place.path}: it is not empty`, {
      hint: 'Name an empty or a new folder, or ask for it to be replaced.',
    });
  }
  if (state !== 'missing') await refuseMounts(place.path);
  return { ...place, state };
}

/** Rejects with `conflict` when replacing `place` would remove the folder of the repository with the old state. */
export async function refuseRepositoryIn(place: TargetPlace, location: string): Promise<void> {
  if (!isAbsolute(location)) return;
  const repository = await realpath(location).catch(() => location);
  if (repository !== place.path && !repository.startsWith(`${place.path}/`)) return;
  throw new SyncError('conflict', `Cannot replace ${place.path}: the repository ${repository} lies in it`, {
    hint: 'Restore into a new folder, and move what you need.',
  });
}

async function realTarget(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    return join(await realpath(dirname(path)), basename(path));
  }
}

async function stateOf(path: string): Promise<RestoreTarget['state']> {
  try {
    return (await readdir(path)).length === 0 ? 'empty' : 'filled';
  } catch (error) {
    if (errorCode(error) === 'ENOTDIR') {
      throw new SyncError('conflict', `Cannot restore to ${path}: it is no folder`);
    }
    if (errorCode(error) !== 'ENOENT') throw error;
    // A link to nowhere is there, and not to be written through.
    if ((await lstat(path).catch(() => undefined)) !== undefined) {
      throw new SyncError('conflict', `Cannot restore to ${path}: it is a link to nowhere`);
    }
    return 'missing';
  }
}

/** What is mounted at or below the folder would move with it, and its files be removed with the old state. */
async function refuseMounts(path: string): Promise<void> {
  const mounted = (await mountPoints()).find((point) => point === path || point.startsWith(`${path}/`));
  if (mounted === undefined) return;
  throw new SyncError('conflict', `Cannot restore to ${path}: a file system is mounted at ${mounted}`, {
    hint: 'Unmount it, or restore into a new folder.',
  });
}

/** None where the kernel has no such list. */
async function mountPoints(): Promise<string[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => unescaped(line.split(' ')[4] ?? ''));
}

/** The kernel writes spaces and the like as three octal digits. */
function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}
