import { randomBytes } from 'node:crypto';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode } from './error-code.ts';

export type AtomicWriteOptions = {
  /** Permission bits of the new file, default 0o600. */
  readonly mode?: number;
};

/**
 * Replaces `path` by `data` so that after any crash the file holds the previous or the new bytes, whole. [G1]
 * Resolves after the bytes and the folder entry are on disk. A failed fsync rejects and is never retried: the kernel
 * may have dropped the dirty pages already.
 */
export async function atomicWrite(
  path: string,
  data: string | Uint8Array,
  { mode = 0o600 }: AtomicWriteOptions = {},
): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await using file = await open(temporary, 'wx', mode);
    await file.writeFile(data);
    await file.sync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

const temporaryName = /\.[0-9a-f]{12}\.tmp$/;

/**
 * Removes from `folder` what writes that a crash cut short left behind: files named as the temporaries of `atomicWrite`
 * and last written before `before` (milliseconds since 1970; by default the start of this process). To be called by the
 * one owner of the folder, under its lock and before it writes there. Resolves to the names removed; a folder that is not there has none.
 */
export async function sweepTemporaries(
  folder: string,
  { before = performance.timeOrigin }: { readonly before?: number } = {},
): Promise<string[]> {
  const swept: string[] = [];
  for (const entry of await entriesOf(folder)) {
    const path = join(folder, entry.name);
    if (!entry.isFile() || !temporaryName.test(entry.name) || (await stat(path)).mtimeMs >= before) continue;
    await rm(path, { force: true });
    swept.push(entry.name);
  }
  return swept;
}

async function entriesOf(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Makes the entries of a folder (created, renamed, removed files) durable. */
export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, 'r');
  await folder.sync();
}
