import { createHash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { chmod, chown, lstat, mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { syncFolder } from '../../../lib/atomic-write.ts';
import { errorCode } from '../../../lib/error-code.ts';
import { lockFolder } from '../../../lib/folder-lock.ts';
import { namesIn } from '../../../lib/names-in.ts';
import { SyncError } from '../../errors.ts';
import { existingPlace, placeOfTarget, type TargetPlace } from './restore-target.ts';
import { readMarker, writeMarker, type StagingMarker } from './staging-marker.ts';

/** What is being restored: the same again finds the same staging folder. */
export type StagingSubject = Pick<StagingMarker, 'repository' | 'snapshot' | 'path'>;

/** A folder beside the target in which the tree is made, taken for this process alone until it is disposed of. */
export type Staging = Disposable & {
  readonly folder: string;
  /** The tree that becomes the target. */
  readonly tree: string;
  /**
   * The tree, open since before anything was written: a loss is told once to each who had a file open by then, and not to those who open
   * one when it was told to another.
   */
  readonly treeFile: number;
  /** An earlier restore of the same began to fill it. */
  readonly isResumed: boolean;
  readonly marker: StagingMarker;
};

const treeName = 'tree';
/** Where the present state waits when two names cannot be exchanged in one step. */
export const asideName = 'old';

/** Opens, or makes, the staging folder. Rejects with `folderInUse` when another process restores the same to the same place. */
export async function openStaging(target: TargetPlace, subject: StagingSubject): Promise<Staging> {
  const folder = join(target.parent, folderName(target.name, subject));
  const isResumed = (await readMarker(folder))?.state === 'filling';
  await makeClosedFolder(folder);
  const lock = lockFolder(folder);
  if (lock === undefined) {
    throw new SyncError('folderInUse', `Another process is restoring to ${target.path}`, { transient: true });
  }
  try {
    const marker: StagingMarker = { version: 1, ...subject, target: target.name, state: 'filling' };
    const tree = join(folder, treeName);
    if (!isResumed) await rm(tree, { recursive: true, force: true });
    await makeClosedFolder(tree, { handedOn: true });
    if (!isResumed) await writeMarker(folder, marker);
    const treeFile = openSync(tree, 'r');
    const open = new DisposableStack();
    open.use(lock);
    open.defer(() => closeSync(treeFile));
    return { folder, tree, treeFile, isResumed, marker, [Symbol.dispose]: () => open.dispose() };
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

/** Whether a restore of this was begun and can be gone on with. */
export async function hasStaging(target: TargetPlace, subject: StagingSubject): Promise<boolean> {
  return (await readMarker(join(target.parent, folderName(target.name, subject))))?.state === 'filling';
}

/**
 * Throws away what interrupted restores to `target` left beside it, of all snapshots. Resolves with how many there were. Rejects with
 * `folderInUse` while one of them is under way.
 */
export async function discardStaging(target: string): Promise<number> {
  const place = await placeOfTarget(target);
  await recoverTarget(place);
  const folders = await stagingFolders(place);
  for (const { folder } of folders) await removeStaging(folder);
  return folders.length;
}

/** Once one restore to the target is done, what others left beside it is of no use. One that is under way is left alone. */
export async function discardOthers(target: TargetPlace): Promise<void> {
  for (const { folder } of await stagingFolders(target)) {
    await removeStaging(folder).catch((error: unknown) => {
      if (errorCode(error) !== 'folderInUse') throw error;
    });
  }
}

/**
 * Ends an exchange that a crash cut short: a target that had been moved aside comes back, and what was left is removed. To be called
 * before the target is looked at. Rejects with `conflict` when something came to the target's place meanwhile, and leaves both alone.
 */
export async function recoverTarget(target: TargetPlace): Promise<void> {
  for (const { folder, marker } of await stagingFolders(target)) {
    if (marker.state !== 'exchanging') continue;
    if (await isCutShort(folder, target)) await putBack(folder, target);
    await removeStaging(folder);
  }
}

/**
 * Puts back what waits to be in `parent`, and leaves the rest to the next restore: to be called before anybody makes a folder that is
 * missing. Resolves with the names of those put back; `onFailed` is told of a staging folder with which that could not be done. A `parent`
 * that is not there has none.
 */
export async function recoverTargets(
  parent: string,
  onFailed: (stagingName: string, error: unknown) => void,
): Promise<string[]> {
  const recovered: string[] = [];
  for (const entry of await namesIn(parent)) {
    if (!stagingName.test(entry)) continue;
    try {
      const name = await recoverStaged(parent, entry);
      if (name !== undefined) recovered.push(name);
    } catch (error) {
      onFailed(entry, error);
    }
  }
  return recovered;
}

async function recoverStaged(parent: string, entry: string): Promise<string | undefined> {
  const folder = join(parent, entry);
  const marker = await readMarker(folder);
  if (marker?.state !== 'exchanging' || !entry.startsWith(prefixOf(marker.target))) return undefined;
  const target = await existingPlace(join(parent, basename(marker.target)));
  // One that is under way comes to its end by itself.
  using lock = lockFolder(folder);
  if (lock === undefined || !(await isCutShort(folder, target))) return undefined;
  await putBack(folder, target);
  return target.name;
}

/** Between two renames: what has the name of the target, if anything, is neither the old nor the new state. */
async function isCutShort(folder: string, target: TargetPlace): Promise<boolean> {
  if (!(await exists(join(folder, asideName)))) return false;
  return (await exists(join(folder, treeName))) || !(await exists(target.path));
}

async function putBack(folder: string, target: TargetPlace): Promise<void> {
  const old = join(folder, asideName);
  try {
    await rmdir(target.path);
  } catch (error) {
    const code = errorCode(error);
    if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(code ?? '')) {
      throw new SyncError(
        'conflict',
        `A restore to ${target.path} was cut short, and something came there since`,
        {
          cause: error,
          hint: `What was there before is ${old}. Move one of the two away.`,
        },
      );
    }
    if (code !== 'ENOENT') throw error;
  }
  await rename(old, target.path);
  await syncFolder(target.parent);
}

async function removeStaging(folder: string): Promise<void> {
  const lock = lockFolder(folder);
  if (lock === undefined) {
    throw new SyncError('folderInUse', `Another process is restoring in ${folder}`, { transient: true });
  }
  lock[Symbol.dispose]();
  await removeStagingFolder(folder);
}

/** The marker goes last: what a crash leaves of it is still known for what it is, and removed by the next restore. */
export async function removeStagingFolder(folder: string): Promise<void> {
  for (const name of [treeName, asideName]) await rm(join(folder, name), { recursive: true, force: true });
  await rm(folder, { recursive: true, force: true });
}

async function stagingFolders({ parent, name }: TargetPlace) {
  const found: { readonly folder: string; readonly marker: StagingMarker }[] = [];
  for (const entry of await readdir(parent)) {
    if (!entry.startsWith(prefixOf(name))) continue;
    const folder = join(parent, entry);
    const marker = await readMarker(folder);
    if (marker?.target === name) found.push({ folder, marker });
  }
  return found;
}

function folderName(name: string, { repository, snapshot, path }: StagingSubject): string {
  const subject = JSON.stringify([name, repository, snapshot, path]);
  return prefixOf(name) + createHash('sha256').update(subject).digest('hex').slice(0, 16);
}

const stagingName = /^\..*\.restoring-[0-9a-f]{16}$/s;

/** Short enough for any file system, whatever the name: at most 160 bytes of it. */
function prefixOf(name: string): string {
  return `.${Array.from(name).slice(0, 40).join('')}.restoring-`;
}

/**
 * Nobody else enters it, and what is made in it is ours, whatever the folder above hands down. `handedOn`: one that is there may have
 * the owner of the target already, which is given last.
 */
async function makeClosedFolder(path: string, { handedOn = false } = {}): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
    const found = await lstat(path);
    if (!found.isDirectory() || (!handedOn && isOthers(found))) {
      throw new SyncError('conflict', `Cannot restore: ${path} is in the way. Remove it`);
    }
  }
  if (process.geteuid && process.getegid) await chown(path, process.geteuid(), process.getegid());
  await chmod(path, 0o700);
}

/** Who made it, beside a target where all may make folders, may still be in it, and lead us elsewhere. */
function isOthers({ uid }: { readonly uid: number }): boolean {
  return uid !== (process.geteuid?.() ?? uid);
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')) return false;
    throw error;
  }
}
