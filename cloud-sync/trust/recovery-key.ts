import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import { z } from 'zod';
import { digestOf } from '../../lib/digest.ts';
import { SyncError } from '../errors.ts';
import {
  formatBox,
  openByPassphrase,
  parseBox,
  passphraseBoxShape,
  sealByPassphrase,
  type SealCost,
} from './passphrase-box.ts';

const prefix = 'hfr1.';
const wrappedSchema = z.strictObject(passphraseBoxShape);

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
export async function createRecoveryKey(
  passphrase: string,
  { cost }: SealCost = {},
): Promise<CreatedRecoveryKey> {
  const { privateKey } = generateKeyPairSync('ed25519');
  const der = privateKey.export({ type: 'pkcs8', format: 'der' });
  const box = await sealByPassphrase(der, passphrase, { cost });
  return { wrapped: formatBox(prefix, box), publicKey: publicText(privateKey) };
}

/** Rejects with `badRecoveryKey` (not readable, or too dear to derive) or `wrongPassphrase`. */
export async function openRecoveryKey(wrapped: string, passphrase: string): Promise<RecoveryKey> {
  const parsed = parseBox(prefix, wrappedSchema, wrapped);
  if (!parsed.ok) throw badRecoveryKey(parsed.cause);
  const der = await openByPassphrase(parsed.value, passphrase, { what: 'recovery key' });
  const privateKey = privateKeyOf(der);
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

function privateKeyOf(der: Buffer): KeyObject {
  try {
    return createPrivateKey({ key: der, type: 'pkcs8', format: 'der' });
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
