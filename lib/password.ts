import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import type { ScryptOptions } from 'node:crypto';

type Parameters = {
  /** log2 of the cost N. */
  readonly ln: number;
  readonly r: number;
  readonly p: number;
};

export type PasswordHash = Parameters & { readonly salt: Buffer; readonly hash: Buffer };

const defaults: Parameters = { ln: 14, r: 8, p: 1 };
const hashBytes = 32;
/** What one verification may take at most: a hash comes from a file, and its parameters are a stranger's wish. */
const maxMemoryBytes = 64 * 2 ** 20;
const maxParallel = 4;
const minLn = 10;
const maxLn = 17;

const pattern =
  /^\$scrypt\$ln=([1-9][0-9]?),r=([1-9][0-9]?),p=([1-9][0-9]?)\$([A-Za-z0-9+/]{16,64})\$([A-Za-z0-9+/]{22,86})$/;

/** Hashes with scrypt (RFC 7914; about 16 MiB and 50 ms) to the PHC form `$scrypt$ln=14,r=8,p=1$salt$hash`. */
export async function hashPassword(password: string, salt: Uint8Array = randomBytes(16)): Promise<string> {
  const hash = await derive(password, salt, defaults, hashBytes);
  const { ln, r, p } = defaults;
  return `$scrypt$ln=${ln},r=${r},p=${p}$${unpadded(salt)}$${unpadded(hash)}`;
}

/**
 * Whether `password` is the one `hash` was made of; compared in constant time. Runs on the thread pool and is not
 * interruptible. Rejects with a RangeError, before deriving, when `hash` is not one `parsePasswordHash` takes.
 */
export async function verifyPassword(hash: string, password: string): Promise<boolean> {
  const parsed = parsePasswordHash(hash);
  if (!parsed)
    throw new RangeError('The password hash is not scrypt in PHC form, or asks for too much memory');
  const actual = await derive(password, parsed.salt, parsed, parsed.hash.byteLength);
  return timingSafeEqual(actual, parsed.hash);
}

/** The parts of a PHC string, or undefined when it is malformed or its cost is outside what a device may be asked for. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const match = pattern.exec(text);
  if (!match) return undefined;
  const [, ln, r, p, salt = '', hash = ''] = match;
  const parameters = { ln: Number(ln), r: Number(r), p: Number(p) };
  if (!isAffordable(parameters)) return undefined;
  return { ...parameters, salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') };
}

function isAffordable({ ln, r, p }: Parameters): boolean {
  return ln >= minLn && ln <= maxLn && p <= maxParallel && 128 * 2 ** ln * r <= maxMemoryBytes;
}

function derive(
  password: string,
  salt: Uint8Array,
  { ln, r, p }: Parameters,
  bytes: number,
): Promise<Buffer> {
  const options: ScryptOptions = { N: 2 ** ln, r, p, maxmem: 2 * maxMemoryBytes };
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFKC'), salt, bytes, options, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });
}

function unpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replaceAll('=', '');
}
