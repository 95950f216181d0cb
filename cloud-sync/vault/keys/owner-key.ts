import sodium from 'sodium-native';
import { formatBox, openByPassphrase, sealByPassphrase, type SealCost } from '../../trust/passphrase-box.ts';
import { badOwnerKey, ownerKeyBytes, ownerKeyPrefix, parseOwnerKey } from './owner-public-key.ts';

/** Who can open what a device sealed to it. Made of the private key, which needs the owner's passphrase. */
export type OwnerKey = {
  /** The sealed bytes; undefined when they were sealed to another key, or are damaged. */
  readonly unseal: (sealed: Uint8Array) => Buffer | undefined;
  readonly publicKey: string;
};

/**
 * A new key pair (X25519) of an owner: text for `vault.owner` of a machine file, which holds the public key and, under the
 * passphrase, the private one. A device that has no passphrase seals to it what only the owner is to read. [G7]
 */
export async function createOwnerKey(passphrase: string, { cost }: SealCost = {}): Promise<string> {
  const publicKey = Buffer.alloc(ownerKeyBytes);
  const privateKey = Buffer.alloc(ownerKeyBytes);
  sodium.crypto_box_keypair(publicKey, privateKey);
  const box = await sealByPassphrase(privateKey, passphrase, { bound: publicKey, cost });
  return formatBox(ownerKeyPrefix, { publicKey: publicKey.toString('base64url'), ...box });
}

/** Rejects with `badKeyFile` (not readable, or too dear to derive) or `wrongPassphrase`. */
export async function openOwnerKey(text: string, passphrase: string): Promise<OwnerKey> {
  const { publicKey, ...box } = parseOwnerKey(text);
  const privateKey = await openByPassphrase(box, passphrase, { what: 'owner key', bound: publicKey });
  requirePair(publicKey, privateKey);
  return {
    unseal: (sealed) => unseal(sealed, publicKey, privateKey),
    publicKey: publicKey.toString('base64url'),
  };
}

/** Readable by the holder of the private key only, not by who sealed it either (libsodium's sealed box). */
export function sealToOwner(secret: Uint8Array, publicKey: string): Buffer {
  const sealed = Buffer.alloc(secret.byteLength + sodium.crypto_box_SEALBYTES);
  sodium.crypto_box_seal(sealed, Buffer.from(secret), Buffer.from(publicKey, 'base64url'));
  return sealed;
}

function unseal(sealed: Uint8Array, publicKey: Buffer, privateKey: Buffer): Buffer | undefined {
  const length = sealed.byteLength - sodium.crypto_box_SEALBYTES;
  if (length <= 0) return undefined;
  const secret = Buffer.alloc(length);
  return sodium.crypto_box_seal_open(secret, Buffer.from(sealed), publicKey, privateKey) ? secret : undefined;
}

function requirePair(publicKey: Buffer, privateKey: Buffer): void {
  if (privateKey.byteLength !== ownerKeyBytes) throw badOwnerKey();
  const derived = Buffer.alloc(ownerKeyBytes);
  sodium.crypto_scalarmult_base(derived, privateKey);
  if (!derived.equals(publicKey)) throw badOwnerKey();
}
