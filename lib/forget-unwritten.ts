import { randomBytes } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { open, rm, stat } from 'node:fs/promises';
import { renameDurably } from './atomic-write.ts';
import { openPosix } from './posix.ts';
import { readFromDisk } from './read-from-disk.ts';

/**
 * Has what the disk holds of a file be read from now on. After a sync that failed, in this process or one before, the system may remember
 * bytes that never came there and call them written: who goes on behind such bytes, as SQLite does in its log, loses with them what a
 * later sync calls safe. [G1] To be called before the file is read. False where the file cannot be opened, of which whoever reads it says
 * what is the matter, or the system cannot forget.
 */
export function forgetUnwritten(path: string): boolean {
  const file = tryOpen(path);
  if (file === undefined) return false;
  try {
    return openPosix()?.forgetCached(file) ?? false;
  } finally {
    closeSync(file);
  }
}

function tryOpen(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch {
    return undefined;
  }
}

/**
 * The same where the system cannot forget (node 24, some file systems), of a file that nobody has open: one that the disk has otherwise
 * than the system remembers is made anew as the disk has it. Nothing is done where the file cannot be opened or the disk not be asked
 * either. Rejects with node's error when the disk fails, or has no room for another such file; the file stays as it is.
 */
export async function takeFromDisk(path: string): Promise<void> {
  if (forgetUnwritten(path) || (await isOnDisk(path))) return;
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await using file = await open(temporary, 'wx', (await stat(path)).mode & 0o777);
    const isRead = await readFromDisk(path, (piece) => file.writeFile(piece));
    // It was a moment ago: to go on would put an empty file in its place.
    if (!isRead) throw new Error(`The disk cannot be asked what it holds of ${path} any more`);
    await file.sync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await renameDurably(temporary, path);
}

/** Whether what the system remembers of a file is what the disk has. True also of one that cannot be opened, or where that cannot be known. */
async function isOnDisk(path: string): Promise<boolean> {
  await using file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return true;
  let isSame = true;
  await readFromDisk(path, async (piece, position) => {
    const remembered = Buffer.allocUnsafe(piece.length);
    const { bytesRead } = await file.read(remembered, 0, piece.length, position);
    isSame &&= remembered.subarray(0, bytesRead).equals(piece);
  });
  return isSame;
}
