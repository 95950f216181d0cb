import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { directBlockBytes } from '../direct-memory.ts';
import { errorCode } from '../../../lib/error-code.ts';

/** Below this the system's own memory for files costs nothing worth a second handle. */
const leastBytes = 1024 * 1024;
/** `O_DIRECT` is not known, not here, or not from memory that begins where these bytes do. */
const cannot: ReadonlySet<string | undefined> = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP']);

/**
 * Has the disk take the beginning of `bytes` from where they are (`openDirectMemory`), whole blocks of them, and says how many: none where
 * that cannot be done. What is written once and not read again would be copied into memory of the system first, for which it would have
 * to give up what others read. They are the first bytes of `path`, an empty file; not durable before the file is synced.
 */
export async function writeDirect(path: string, bytes: Uint8Array): Promise<number> {
  const { O_DIRECT } = constants as { readonly O_DIRECT?: number };
  if (O_DIRECT === undefined || bytes.byteLength < leastBytes) return 0;
  try {
    await using file = await open(path, constants.O_WRONLY | O_DIRECT);
    const wholeBytes = bytes.byteLength - (bytes.byteLength % directBlockBytes);
    const { bytesWritten } = await file.write(bytes, 0, wholeBytes, 0);
    return bytesWritten;
  } catch (error) {
    if (cannot.has(errorCode(error))) return 0;
    throw error;
  }
}
