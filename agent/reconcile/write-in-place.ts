import { link, open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '../../lib/atomic-write.ts';
import { errorCode } from '../../lib/error-code.ts';

/** As `stat` counts them. */
const blockBytes = 512;

/**
 * For a disk without any room: `text`, of JSON, goes over the bytes of `previous`, into blocks that it has, and then the two files exchange their
 * names. `path` is whole at every instant; `previous` is not while it is written. [G1] Resolves to false, with nothing done, where there is
 * no such file of its own or it is too small. Rejects as the disk does, with `path` as it was unless it was the last sync that failed.
 */
export async function writeInPlace(
  text: string,
  { path, previous }: { readonly path: string; readonly previous: string },
): Promise<boolean> {
  const bytes = Buffer.from(text);
  const temporary = `${previous}.tmp`;
  await takeName(previous, temporary);
  await using file = await openPresent(previous);
  if (!file || !(await hasPlace(file, bytes.length))) return false;
  const { size } = await file.stat();
  // Space behind JSON says nothing, and a block that is given back to the disk would be missing the next time.
  await file.writeFile(Buffer.concat([bytes, Buffer.alloc(Math.max(0, size - bytes.length), ' ')]));
  await file.sync();
  await rm(temporary, { force: true });
  await link(path, temporary);
  await rename(previous, path);
  await rename(temporary, previous);
  await syncFolder(dirname(path));
  return true;
}

/** A crash between two names can have left both to one file: it is the only copy then. */
async function hasPlace(file: FileHandle, bytes: number): Promise<boolean> {
  const { nlink, blocks } = await file.stat();
  return nlink === 1 && blocks * blockBytes >= bytes;
}

async function openPresent(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r+');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** A crash may have left it without its name. */
async function takeName(previous: string, temporary: string): Promise<void> {
  const links = async (path: string) => (await stat(path).catch(() => undefined))?.nlink;
  if ((await links(previous)) === undefined && (await links(temporary)) === 1)
    await rename(temporary, previous);
}
