import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { directBlockBytes, directFlag, refusesDirect } from '../../../lib/direct-access.ts';

/** Below this the system's own memory for files costs nothing worth a second handle. */
const leastBytes = 1024 * 1024;

/**
 * Has the disk take the beginning of `bytes` from where they are (`openDirectMemory`), whole blocks of them, and says how many: none where
 * that cannot be done. What is written once and not read again would be copied into memory of the system first, for which it would have
 * to give up what others read. They are the first bytes of `path`, an empty file; not durable before the file is synced.
 */
export async function writeDirect(path: string, bytes: Uint8Array): Promise<number> {
  if (directFlag === undefined || bytes.byteLength < leastBytes) return 0;
  try {
    await using file = await open(path, constants.O_WRONLY | directFlag);
    const wholeBytes = bytes.byteLength - (bytes.byteLength % directBlockBytes);
    const { bytesWritten } = await file.write(bytes, 0, wholeBytes, 0);
    return bytesWritten;
  } catch (error) {
    if (refusesDirect(error)) return 0;
    throw error;
  }
}
