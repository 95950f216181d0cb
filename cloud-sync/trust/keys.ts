import { createPrivateKey, createPublicKey, generateKeyPairSync, webcrypto } from 'node:crypto';
import { SyncError } from '../errors.ts';
import { signing } from './x509.ts';

export type DeviceKey = { readonly privateKeyPem: string };

/** A new ECDSA P-256 private key (PKCS #8 PEM). It never leaves the machine that made it. */
export function createDeviceKey(): DeviceKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }) };
}

/** The key pair of a PKCS #8 PEM as WebCrypto wants it. Rejects with `badState` when the PEM is not a P-256 key. */
export async function importKeyPair(privateKeyPem: string): Promise<webcrypto.CryptoKeyPair> {
  try {
    const pkcs8 = createPrivateKey(privateKeyPem).export({ type: 'pkcs8', format: 'der' });
    const spki = createPublicKey(privateKeyPem).export({ type: 'spki', format: 'der' });
    const [privateKey, publicKey] = await Promise.all([
      webcrypto.subtle.importKey('pkcs8', pkcs8, signing, false, ['sign']),
      webcrypto.subtle.importKey('spki', spki, signing, true, ['verify']),
    ]);
    return { privateKey, publicKey };
  } catch (cause) {
    throw new SyncError('badState', 'The private key is not an ECDSA P-256 key in PKCS #8 PEM', { cause });
  }
}
