import { rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const piece = Buffer.alloc(2 ** 20);

/** Fills the file system of `folder` but for so many bytes. Disposing it frees the space again. */
export async function leaveFree(folder: string, freeBytes: number): Promise<AsyncDisposable> {
  const path = join(folder, 'filler');
  for (;;) {
    try {
      await writeFile(path, piece, { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      break;
    }
  }
  const { size } = await stat(path);
  await truncate(path, Math.max(0, size - freeBytes));
  return { [Symbol.asyncDispose]: () => rm(path) };
}
