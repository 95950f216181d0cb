import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { z } from 'zod';
import { SyncError } from '../errors.ts';

const maxTextChars = 2048;
const maxPassphraseChars = 1024;
const tagBytes = 16;
/** 128 · N · r = 128 MiB and about half a second on a small machine: dear to guess, cheap once in a disaster. */
const usualCost = { N: 2 ** 17, r: 8, p: 1 } as const;
/** The least that a box may ask for, a tenth of that: for tests that open many. */
export const leastCost = { N: 2 ** 14, r: 8, p: 1 } as const;

/** base64url of at least `min` and at most `max` bytes. */
export const bytesField = (min: number, max: number) =>
  z
    .base64url()
    .max(Math.ceil(max * 1.34) + 4)
    .transform((text) => Buffer.from(text, 'base64url'))
    .refine((bytes) => bytes.length >= min && bytes.length <= max);

/** The bounds hold before anything is derived: a hostile file costs at most 256 MiB and a few seconds. */
export const passphraseBoxShape = {
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
};
type BoxSchema = z.ZodObject<typeof passphraseBoxShape>;

/** A short secret under a passphrase: scrypt and AES-256-GCM. */
export type PassphraseBox = z.output<BoxSchema>;
/** The same as JSON. */
export type PassphraseBoxJson = z.input<BoxSchema>;

export type SealCost = {
  /** Parameters of scrypt. */
  readonly cost?: typeof usualCost | typeof leastCost | undefined;
};

type Bound = {
  /** What is authenticated along with the secret, and not kept in the box. */
  readonly bound?: Uint8Array;
};

export async function sealByPassphrase(
  secret: Uint8Array,
  passphrase: string,
  { bound = new Uint8Array(), cost = usualCost }: Bound & SealCost = {},
): Promise<PassphraseBoxJson> {
  const salt = randomBytes(16);
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', await derive(passphrase, salt, cost), nonce);
  const sealed = Buffer.concat([cipher.setAAD(bound).update(secret), cipher.final(), cipher.getAuthTag()]);
  return {
    ...cost,
    salt: salt.toString('base64url'),
    nonce: nonce.toString('base64url'),
    box: sealed.toString('base64url'),
  };
}

/** Rejects with `wrongPassphrase`, also when box or `bound` were altered. `what` the box holds, for people. */
export async function openByPassphrase(
  box: PassphraseBox,
  passphrase: string,
  { what, bound = new Uint8Array() }: Bound & { readonly what: string },
): Promise<Buffer> {
  const key = await derive(passphrase, box.salt, box);
  const decipher = createDecipheriv('aes-256-gcm', key, box.nonce, { authTagLength: tagBytes });
  decipher.setAAD(bound).setAuthTag(box.box.subarray(-tagBytes));
  try {
    return Buffer.concat([decipher.update(box.box.subarray(0, -tagBytes)), decipher.final()]);
  } catch (cause) {
    throw new SyncError('wrongPassphrase', `The passphrase does not open the ${what}`, {
      cause,
      hint: 'Type the passphrase chosen at the first deploy; or the key in the machine file was altered.',
    });
  }
}

/** One line of text for a machine file: the prefix, and JSON as base64url. */
export function formatBox(prefix: string, fields: object): string {
  return prefix + Buffer.from(JSON.stringify(fields)).toString('base64url');
}

/** The reverse; undefined, with the cause, for anything that is not of this form and within its bounds. */
export function parseBox<Schema extends z.ZodType>(
  prefix: string,
  schema: Schema,
  text: string,
): { readonly ok: true; readonly value: z.output<Schema> } | { readonly ok: false; readonly cause: unknown } {
  const encoded = text.slice(prefix.length);
  const isText = text.length <= maxTextChars && text.startsWith(prefix) && /^[A-Za-z0-9_-]+$/.test(encoded);
  if (!isText) return { ok: false, cause: undefined };
  try {
    return { ok: true, value: schema.parse(JSON.parse(Buffer.from(encoded, 'base64url').toString())) };
  } catch (cause) {
    return { ok: false, cause };
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
