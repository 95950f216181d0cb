import { hash } from 'node:crypto';
import { z } from 'zod';
import { SyncError } from '../../errors.ts';
import { bytesField, parseBox, passphraseBoxShape } from '../../trust/passphrase-box.ts';

export const ownerKeyPrefix = 'hfo1.';
/** Of an X25519 key, either half. */
export const ownerKeyBytes = 32;
const ownerKeySchema = z.strictObject({
  publicKey: bytesField(ownerKeyBytes, ownerKeyBytes),
  ...passphraseBoxShape,
});

/** What a `vault.owner` says, nothing derived yet. Throws `badKeyFile`. */
export function parseOwnerKey(text: string): z.output<typeof ownerKeySchema> {
  const parsed = parseBox(ownerKeyPrefix, ownerKeySchema, text);
  if (parsed.ok) return parsed.value;
  throw badOwnerKey(parsed.cause);
}

/** The public half, base64url: 32 bytes. Throws `badKeyFile`. */
export function ownerPublicKey(text: string): string {
  return parseOwnerKey(text).publicKey.toString('base64url');
}

/** Twelve groups of four digits that people compare: the first 24 bytes of the SHA-256 of the public key. */
export function ownerFingerprint(publicKey: string): string {
  const digits = hash('sha256', Buffer.from(publicKey, 'base64url'), 'hex').slice(0, 48);
  return (digits.match(/.{4}/g) ?? []).join(' ');
}

export function badOwnerKey(cause?: unknown): SyncError {
  return new SyncError('badKeyFile', 'The owner key (vault.owner) is damaged or asks for too much work', {
    cause,
    hint: 'Take the machine file from a backup, as deploy wrote it.',
  });
}
