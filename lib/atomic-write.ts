import { randomBytes } from 'node:crypto';
import { lstat, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode } from './error-code.ts';

export type AtomicWriteOptions = {
  /** Permission bits of the new file, default 0o600. */
  readonly mode?: number;
  /** Called when the bytes are on disk, right before they take the place of those there. When it rejects, they do not. */
  readonly beforeReplacing?: () => Promise<void>;
};

/**
 * Replaces `path` by `data` so that after any crash the file holds the previous or the new bytes, whole. [G1]
 * Resolves after the bytes and the folder entry are on disk. A failed fsync rejects and is never retried: the kernel
 * may have dropped the dirty pages already. When it is the folder's, a new file is gone again, and one that was replaced holds the new
 * bytes, which a crash may take back.
 */
export async function atomicWrite(
  path: string,
  data: string | Uint8Array,
  { mode = 0o600, beforeReplacing }: AtomicWriteOptions = {},
): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await using file = await open(temporary, 'wx', mode);
    await file.writeFile(data);
    await file.sync();
    await beforeReplacing?.();
  } catch (error) {
    await rm(temporary, { force: true });
    throw named(error, path);
  }
  await renameDurably(temporary, path);
}

/** What node says of an open file does not say of which. */
function named(error: unknown, path: string): unknown {
  if (errorCode(error) === undefined || !(error instanceof Error) || 'path' in error) return error;
  error.message += ` '${path}'`;
  return Object.assign(error, { path });
}

type Naming = { count: number; isShared: boolean };

/** By the path that files are being given. */
const naming = new Map<string, Naming>();

/**
 * Gives `path` the file `temporary`, whose bytes are on disk, as `atomicWrite` does it. Where two of this process do so at once, the name
 * stays whatever becomes of one of them: the other may have been told that it lasts.
 */
export async function renameDurably(temporary: string, path: string): Promise<void> {
  const own = naming.get(path) ?? { count: 0, isShared: false };
  naming.set(path, own);
  own.isShared ||= own.count > 0;
  own.count += 1;
  try {
    const isNew = !(await isThere(path));
    await rename(temporary, path);
    if (isNew) await keepName(path, () => !own.isShared);
    else await syncFolder(dirname(path));
  } finally {
    own.count -= 1;
    if (own.count === 0) naming.delete(path);
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/**
 * Makes the name of a new file durable. Where that fails the name goes again, if it `mayGo` then: whoever tries again, or looks whether
 * there is such a file, is not to find what may not last.
 */
export async function keepName(path: string, mayGo: () => boolean = () => true): Promise<void> {
  try {
    await syncFolder(dirname(path));
  } catch (error) {
    if (mayGo()) await rm(path, { force: true }).catch(() => undefined);
    throw error;
  }
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
