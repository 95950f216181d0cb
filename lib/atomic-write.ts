import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

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

/** Makes the entries of a folder (created, renamed, removed files) durable. */
export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, 'r');
  await folder.sync();
}
