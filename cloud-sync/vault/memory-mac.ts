import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { open } from 'node:fs/promises';
import { atomicWrite } from '../../lib/atomic-write.ts';
import { masterKeyBytes, type MasterKey } from './format/master-key.ts';

export const macBytes = 32;

const maxBytes = 512 * 1024 * 1024;

/** By a key of the repository: nobody else, and no other repository, can say that a file has not changed. */
function memoryMac(key: MasterKey, purpose: string, bytes: Uint8Array): Buffer {
  const secret = Buffer.from(hkdfSync('sha256', masterKeyBytes(key), '', purpose, 32));
  return createHmac('sha256', secret).update(bytes).digest();
}

/** What `readWithMac` reads. `bytes` begins with room for the MAC, which is put there. */
export async function writeWithMac(
  path: string,
  key: MasterKey,
  purpose: string,
  bytes: Buffer,
): Promise<void> {
  memoryMac(key, purpose, bytes.subarray(macBytes)).copy(bytes);
  await atomicWrite(path, bytes);
}

/** A file that begins with the MAC of the rest; undefined for any other, or one of more than 512 MiB: it saves time, nothing depends on it. */
export async function readWithMac(
  path: string,
  key: MasterKey,
  purpose: string,
): Promise<Buffer<ArrayBuffer> | undefined> {
  let bytes: Buffer<ArrayBuffer>;
  try {
    await using file = await open(path, 'r');
    if ((await file.stat()).size > maxBytes) return undefined;
    bytes = await file.readFile();
  } catch {
    return undefined;
  }
  if (bytes.byteLength < macBytes) return undefined;
  const mac = memoryMac(key, purpose, bytes.subarray(macBytes));
  return timingSafeEqual(bytes.subarray(0, macBytes), mac) ? bytes : undefined;
}
