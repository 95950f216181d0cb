import { randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { z } from 'zod';
import { SyncError } from '../../errors.ts';
import { checkKeyCost, passphraseCost, type KeyCost } from './key-cost.ts';
import { masterKeyFrom, type MasterKey } from './master-key.ts';
import { Sealer } from './sealer.ts';
import { namedFile, type NamedFile } from './stored-name.ts';

const derive = promisify<string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(
  scrypt,
);

export const maxKeyFileBytes = 64 * 1024;
const saltBytes = 64;
const keyBytes = 64;

const base64 = z.base64().max(maxKeyFileBytes);

/** What slots of ours say beside restic's fields; restic passes over it. Not authenticated, as little as the rest outside `data`. */
const extras = z.object({
  slot: z.enum(['device', 'owner', 'passphrase', 'recovery']),
  /** The slot's password, sealed to someone's public key: base64. */
  sealed: base64.optional(),
});

// Loose: another restic may know more keys.
const schema = z
  .object({
    created: z.string().max(64),
    username: z.string().max(1024).default(''),
    hostname: z.string().max(1024).default(''),
    kdf: z.literal('scrypt'),
    N: z.number(),
    r: z.number(),
    p: z.number(),
    salt: base64,
    data: base64,
    holdfast: extras.optional().catch(undefined),
  })
  .transform(({ username, hostname, salt, data, holdfast, kdf: _, ...rest }) => ({
    ...rest,
    user: username,
    host: hostname,
    salt: Buffer.from(salt, 'base64'),
    data: Buffer.from(data, 'base64'),
    ...(holdfast && { holdfast }),
  }));

type KeySlotExtras = z.infer<typeof extras>;
/** Nothing in it is authenticated but what `data` seals. */
export type KeyFile = z.infer<typeof schema>;

const key16 = z.base64().transform((text) => Buffer.from(text, 'base64'));
const masterKeySchema = z.object({ mac: z.object({ k: key16, r: key16 }), encrypt: key16 });

export type WrapOptions = {
  /** Default `passphraseCost`. */
  readonly cost?: KeyCost;
  readonly user: string;
  readonly host: string;
  /** RFC 3339; default now. */
  readonly created?: string;
  readonly holdfast?: KeySlotExtras;
};

/** A key file: the master key sealed under one password. Everything else in it can be read by all. */
export async function wrapKey(
  key: MasterKey,
  password: string,
  { cost = passphraseCost, user, host, created = new Date().toISOString(), holdfast }: WrapOptions,
): Promise<NamedFile> {
  const salt = randomBytes(saltBytes);
  const sealer = await sealerOf(password, salt, cost);
  const { N, r, p } = cost;
  const json = {
    created,
    username: user,
    hostname: host,
    kdf: 'scrypt',
    N,
    r,
    p,
    salt: salt.toString('base64'),
    data: sealer.seal(Buffer.from(encodeMasterKey(key))).toString('base64'),
    ...(holdfast && { holdfast }),
  };
  return namedFile(Buffer.from(JSON.stringify(json)));
}

/** Rejects with `wrongPassphrase`, or `badKeyFile` for what is no key file or would cost too much to derive. */
export async function unwrapKey(bytes: Uint8Array, password: string): Promise<MasterKey> {
  const { N, r, p, salt, data } = parseKeyFile(bytes);
  const sealer = await sealerOf(password, salt, { N, r, p });
  let plain: Buffer;
  try {
    plain = sealer.open(data);
  } catch (error) {
    throw new SyncError('wrongPassphrase', 'This key of the repository has another password', {
      cause: error,
    });
  }
  return decodeMasterKey(plain);
}

/** What a key file says, for lists; its parameters are not judged. Rejects with `badKeyFile`. */
export function parseKeyFile(bytes: Uint8Array): KeyFile {
  if (bytes.byteLength > maxKeyFileBytes) {
    throw new SyncError('badKeyFile', `A key file of ${bytes.byteLength} bytes is too large`);
  }
  const parsed = schema.safeParse(parse(bytes));
  if (parsed.success) return parsed.data;
  throw new SyncError('badKeyFile', `A key file is damaged: ${z.prettifyError(parsed.error)}`);
}

async function sealerOf(password: string, salt: Buffer, cost: KeyCost): Promise<Sealer> {
  checkKeyCost(cost);
  const { N, r, p } = cost;
  const maxmem = 256 * r * (N + p) + 1024 * 1024;
  return new Sealer(masterKeyFrom(await derive(password, salt, keyBytes, { N, r, p, maxmem })));
}

function encodeMasterKey({ encrypt, mac: { k, r } }: MasterKey): string {
  const mac = { k: k.toString('base64'), r: r.toString('base64') };
  return JSON.stringify({ mac, encrypt: encrypt.toString('base64') });
}

function decodeMasterKey(plain: Buffer): MasterKey {
  const parsed = masterKeySchema.safeParse(parse(plain));
  const key = parsed.data;
  if (key?.encrypt.byteLength !== 32 || key.mac.k.byteLength !== 16 || key.mac.r.byteLength !== 16) {
    throw new SyncError('badKeyFile', 'A key file holds no master key of 64 bytes');
  }
  return masterKeyFrom(Buffer.concat([key.encrypt, key.mac.k, key.mac.r]));
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString()) as unknown;
  } catch {
    return undefined;
  }
}
