import { randomBytes } from 'node:crypto';
import { link, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { keepName, syncFolder } from '../../../lib/atomic-write.ts';
import { errorCode } from '../../../lib/error-code.ts';
import { writeDirect } from './write-direct.ts';

/** What file systems answer that know no hard links: FAT, some of FUSE and SMB. */
const noLinks: ReadonlySet<string | undefined> = new Set([
  'EPERM',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EMLINK',
]);

/**
 * Writes a new file so that after any crash it is there whole or not at all. Resolves once it is durable. [G1] Rejects with node's error,
 * EEXIST when there is one already, which stays as it is and is durable then. The temporary's name ends as `atomicWrite` has it, to be swept
 * as those are, and begins with a dot: restic takes each file whose name begins with an id for one of that id, and then finds two.
 */
export async function writeOnce(path: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    {
      await using file = await open(temporary, 'wx', 0o600);
      for (let done = await writeDirect(temporary, bytes); done < bytes.byteLength;) {
        signal.throwIfAborted();
        done += (await file.write(bytes, done, bytes.byteLength - done, done)).bytesWritten;
      }
      await file.sync();
    }
    signal.throwIfAborted();
    await giveName(temporary, path);
  } catch (error) {
    // Who wrote it may not have come to that, and nobody after us will.
    if (errorCode(error) === 'EEXIST') await syncFolder(dirname(path));
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  await keepName(path);
}

/** A link fails where there is a file; a rename would replace it. */
async function giveName(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path);
  } catch (error) {
    if (!noLinks.has(errorCode(error))) throw error;
    await refuseExisting(path);
    await rename(temporary, path);
  }
}

async function refuseExisting(path: string): Promise<void> {
  try {
    await stat(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw error;
  }
  throw Object.assign(new Error(`${path} exists already`), { code: 'EEXIST' });
}
