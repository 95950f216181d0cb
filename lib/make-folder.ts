import { mkdir, rmdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { syncFolder } from './atomic-write.ts';
import { errorCode } from './error-code.ts';

/**
 * Makes a folder and those above it that are missing, durably. [G1] Not by node's `recursive`, which never ends where a folder is there
 * and takes no children (`/proc`, a link to nowhere): it asks for the folder and the one above it in turn. Rejects with node's error.
 */
export async function makeFolder(path: string, { mode }: { readonly mode?: number } = {}): Promise<void> {
  const missing: string[] = [];
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    if (await isFolder(folder)) {
      // Somebody else has just made it: what is put into it lasts no longer than its name.
      await keeping.get(folder);
      break;
    }
    missing.push(folder);
    if (folder === dirname(folder)) break;
  }
  for (const folder of missing.reverse()) {
    if (await make(folder, mode)) await keepOnce(folder);
    else await keeping.get(folder);
  }
}

/** Folders of which this process does not know yet whether their names last. */
const keeping = new Map<string, Promise<void>>();

async function keepOnce(folder: string): Promise<void> {
  const kept = keep(folder).finally(() => keeping.delete(folder));
  keeping.set(folder, kept);
  await kept;
}

/** What may not last is not to be found by whoever tries again. */
async function keep(folder: string): Promise<void> {
  try {
    await syncFolder(dirname(folder));
  } catch (error) {
    // A folder that may be written to, and not be read, cannot be opened to be synced.
    if (errorCode(error) === 'EACCES') return;
    await rmdir(folder).catch(() => undefined);
    throw error;
  }
}

/** Whether it had to be made: somebody else may be quicker. */
async function make(folder: string, mode: number | undefined): Promise<boolean> {
  try {
    await mkdir(folder, { mode });
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST' && (await isFolder(folder))) return false;
    throw error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return false;
    throw error;
  }
}
