import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { errorCode } from './error-code.ts';

/**
 * Makes a folder and those above it that are missing. Resolves to the topmost that was made, undefined when all were there.
 * Not by node's `recursive`, which never ends where a folder is there and takes no children (`/proc`, a link to nowhere):
 * it asks for the folder and the one above it in turn. Rejects with node's error.
 */
export async function makeFolder(
  path: string,
  { mode }: { readonly mode?: number } = {},
): Promise<string | undefined> {
  const missing: string[] = [];
  let first: string | undefined;
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    if (await isFolder(folder)) break;
    missing.push(folder);
    if (folder === dirname(folder)) break;
  }
  for (const folder of missing.reverse()) {
    if (await make(folder, mode)) first ??= folder;
  }
  return first;
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
