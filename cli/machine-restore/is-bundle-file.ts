import { open } from 'node:fs/promises';
import { tarBlockBytes, tarFields } from '../../cloud-sync/oci/layer/tar-format.ts';

/** Whether a file is a tar by its content, whatever its name. What cannot be read is none: the reader of the other kind says why. */
export async function isBundleFile(path: string): Promise<boolean> {
  try {
    await using file = await open(path, 'r');
    const { buffer, bytesRead } = await file.read(Buffer.alloc(tarBlockBytes), 0, tarBlockBytes, 0);
    const { at } = tarFields.magic;
    return bytesRead === tarBlockBytes && buffer.toString('latin1', at, at + 5) === 'ustar';
  } catch {
    return false;
  }
}
