import { hash } from 'node:crypto';
import sodium from 'sodium-native';
import { z } from 'zod';
import { SyncError } from '../../errors.ts';
import {
  bytesField,
  formatBox,
  openByPassphrase,
  parseBox,
  passphraseBoxShape,
  sealByPassphrase,
} from '../../trust/passphrase-box.ts';

const prefix = 'hfo1.';
const keyBytes = 32;
const ownerKeySchema = z.strictObject({ publicKey: bytesField(keyBytes, keyBytes), ...passphraseBoxShape });

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
export async function createOwnerKey(passphrase: string): Promise<string> {
  const publicKey = Buffer.alloc(keyBytes);
  const privateKey = Buffer.alloc(keyBytes);
  sodium.crypto_box_keypair(publicKey, privateKey);
  const box = await sealByPassphrase(privateKey, passphrase, { bound: publicKey });
  return formatBox(prefix, { publicKey: publicKey.toString('base64url'), ...box });
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

/** The public half, base64url: 32 bytes. Throws `badKeyFile`. */
export function ownerPublicKey(text: string): string {
  return parseOwnerKey(text).publicKey.toString('base64url');
}

/** Twelve groups of four digits that people compare: SHA-256 of the public key, its first 24 bytes. */
export function ownerFingerprint(publicKey: string): string {
  const digits = hash('sha256', Buffer.from(publicKey, 'base64url'), 'hex').slice(0, 48);
  return (digits.match(/.{4}/g) ?? []).join(' ');
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

function parseOwnerKey(text: string): z.output<typeof ownerKeySchema> {
  const parsed = parseBox(prefix, ownerKeySchema, text);
  if (parsed.ok) return parsed.value;
  throw badOwnerKey(parsed.cause);
}

function requirePair(publicKey: Buffer, privateKey: Buffer): void {
  if (privateKey.byteLength !== keyBytes) throw badOwnerKey();
  const derived = Buffer.alloc(keyBytes);
  sodium.crypto_scalarmult_base(derived, privateKey);
  if (!derived.equals(publicKey)) throw badOwnerKey();
}

function badOwnerKey(cause?: unknown): SyncError {
  return new SyncError('badKeyFile', 'The owner key (vault.owner) is damaged or asks for too much work', {
    cause,
    hint: 'Take the machine file from a backup, as deploy wrote it.',
  });
}
