import { createHmac, hkdfSync } from 'node:crypto';
import { masterKeyBytes, type MasterKey } from './format/master-key.ts';

export const macBytes = 32;

/** By a key of the repository: nobody else, and no other repository, can say that a file has not changed. */
export function memoryMac(key: MasterKey, purpose: string, bytes: Uint8Array): Buffer {
  const secret = Buffer.from(hkdfSync('sha256', masterKeyBytes(key), '', purpose, 32));
  return createHmac('sha256', secret).update(bytes).digest();
}
