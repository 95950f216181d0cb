import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../../../lib/error-code.ts';

const reasonMaxBytes = 512;
const unnamed = 'it has an update.lock';

/**
 * The first line of `update.lock` in the folder that an app shares with the agent; undefined while there is none. The app may put
 * anything there: a link is not followed, and nothing but a file is read.
 */
export async function readUpdateLock(folder: string): Promise<string | undefined> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  try {
    await using file = await open(join(folder, 'update.lock'), flags);
    if (!(await file.stat()).isFile()) return unnamed;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(reasonMaxBytes), 0, reasonMaxBytes, 0);
    return firstLine(buffer.toString('utf8', 0, bytesRead)) || unnamed;
  } catch (error) {
    const code = errorCode(error);
    return code === 'ENOENT' || code === 'ENOTDIR' ? undefined : unnamed;
  }
}

function firstLine(text: string): string {
  return (text.split('\n', 1)[0] ?? '').replaceAll(/\p{C}+/gu, ' ').trim();
}
