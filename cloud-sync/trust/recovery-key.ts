import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  scrypt,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import { promisify } from 'node:util';
import { z } from 'zod';
import { digestOf } from '../../lib/digest.ts';
import { SyncError } from '../errors.ts';

const prefix = 'hfr1.';
const maxWrappedChars = 2048;
const maxPassphraseChars = 1024;
const tagBytes = 16;
/** 128 · N · r = 128 MiB and about half a second on a small machine: dear to guess, cheap once in a disaster. */
const cost = { N: 2 ** 17, r: 8, p: 1 } as const;

const bytesField = (min: number, max: number) =>
  z
    .base64url()
    .max(Math.ceil(max * 1.34) + 4)
    .transform((text) => Buffer.from(text, 'base64url'))
    .refine((bytes) => bytes.length >= min && bytes.length <= max);

/** The bounds hold before anything is derived: a hostile file costs at most 256 MiB and a few seconds. */
const wrappedSchema = z.strictObject({
  N: z.union([
    z.literal(2 ** 14),
    z.literal(2 ** 15),
    z.literal(2 ** 16),
    z.literal(2 ** 17),
    z.literal(2 ** 18),
  ]),
  r: z.int().min(1).max(8),
  p: z.int().min(1).max(4),
  salt: bytesField(16, 64),
  nonce: bytesField(12, 12),
  box: bytesField(tagBytes + 1, 512),
});

export type CreatedRecoveryKey = {
  /** `hfr1.…`: the private key under the passphrase, for the machine file. */
  readonly wrapped: string;
  /** Ed25519, SPKI, base64url: for the control plane. */
  readonly publicKey: string;
};

export type RecoveryKey = {
  /** base64 */
  readonly sign: (message: string) => string;
  readonly publicKey: string;
};

/** A new key that lets its owner, and a blank machine with the passphrase, take a device's identity again. [G9] */
export async function createRecoveryKey(passphrase: string): Promise<CreatedRecoveryKey> {
  const { privateKey } = generateKeyPairSync('ed25519');
  const salt = randomBytes(16);
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', await derive(passphrase, salt, cost), nonce);
  const sealed = Buffer.concat([
    cipher.update(privateKey.export({ type: 'pkcs8', format: 'der' })),
    cipher.final(),
    cipher.getAuthTag(),
  ]);
  const fields = {
    ...cost,
    salt: salt.toString('base64url'),
    nonce: nonce.toString('base64url'),
    box: sealed.toString('base64url'),
  };
  const wrapped = prefix + Buffer.from(JSON.stringify(fields)).toString('base64url');
  return { wrapped, publicKey: publicText(privateKey) };
}

/** Rejects with `badRecoveryKey` (not readable, or too dear to derive) or `wrongPassphrase`. */
export async function openRecoveryKey(wrapped: string, passphrase: string): Promise<RecoveryKey> {
  const fields = parseWrapped(wrapped);
  const key = await derive(passphrase, fields.salt, fields);
  const privateKey = unseal(fields.box, key, fields.nonce);
  return {
    sign: (message) => sign(null, Buffer.from(message), privateKey).toString('base64'),
    publicKey: publicText(privateKey),
  };
}

/** What is signed to recover: it binds the device, the server's nonce and the new key together. */
export function recoveryMessage(request: {
  readonly device: string;
  readonly nonce: string;
  readonly csr: string;
}): string {
  const csrHash = digestOf(request.csr).slice('sha256:'.length);
  return `holdfast-recovery\n${request.device}\n${request.nonce}\n${csrHash}`;
}

/** Whether `signature` (base64) over `message` is by `publicKey` (Ed25519 SPKI, base64url). False for any malformed input. */
export function verifyRecoverySignature(request: {
  readonly publicKey: string;
  readonly message: string;
  readonly signature: string;
}): boolean {
  try {
    const der = Buffer.from(request.publicKey, 'base64url');
    const key = createPublicKey({ key: der, type: 'spki', format: 'der' });
    if (key.asymmetricKeyType !== 'ed25519') return false;
    return verify(null, Buffer.from(request.message), key, Buffer.from(request.signature, 'base64'));
  } catch {
    return false;
  }
}

const deriveScrypt = promisify<string, Buffer, number, object, Buffer>(scrypt);

async function derive(
  passphrase: string,
  salt: Buffer,
  { N, r, p }: { readonly N: number; readonly r: number; readonly p: number },
): Promise<Buffer> {
  if (passphrase.length === 0 || passphrase.length > maxPassphraseChars) {
    throw new SyncError('wrongPassphrase', `A passphrase has 1 to ${maxPassphraseChars} characters`);
  }
  // NFKC: the same passphrase typed on another keyboard gives the same bytes.
  return deriveScrypt(passphrase.normalize('NFKC'), salt, 32, { N, r, p, maxmem: 2 * 128 * N * r });
}

function unseal(box: Buffer, key: Buffer, nonce: Buffer): KeyObject {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  decipher.setAuthTag(box.subarray(-tagBytes));
  try {
    const der = Buffer.concat([decipher.update(box.subarray(0, -tagBytes)), decipher.final()]);
    return createPrivateKey({ key: der, type: 'pkcs8', format: 'der' });
  } catch (cause) {
    throw new SyncError('wrongPassphrase', 'The passphrase does not open the recovery key', {
      cause,
      hint: 'Type the passphrase chosen at the first deploy; or the key in the machine file was altered.',
    });
  }
}

function parseWrapped(wrapped: string): z.output<typeof wrappedSchema> {
  if (wrapped.length > maxWrappedChars || !/^hfr1\.[A-Za-z0-9_-]+$/.test(wrapped)) throw badRecoveryKey();
  try {
    return wrappedSchema.parse(JSON.parse(Buffer.from(wrapped.slice(prefix.length), 'base64url').toString()));
  } catch (cause) {
    throw badRecoveryKey(cause);
  }
}

function badRecoveryKey(cause?: unknown): SyncError {
  return new SyncError(
    'badRecoveryKey',
    'The recovery key (control.recovery) is damaged or asks for too much work',
    {
      cause,
      hint: 'Take the machine file from a backup, as deploy wrote it.',
    },
  );
}

function publicText(privateKey: KeyObject): string {
  return createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).toString('base64url');
}
