import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { atomicWrite, syncFolder } from '../../lib/atomic-write.ts';
import { makeFolder } from '../../lib/make-folder.ts';
import { AgentError } from '../errors.ts';

const identitySchema = z.strictObject({
  version: z.literal(1),
  tenant: z.string().max(63),
  device: z.string().max(63),
  /** The control plane's HTTPS address. */
  url: z.string().max(2048),
  mqtt: z.string().max(2048),
  certificate: z.string().max(16_384),
  ca: z.string().max(16_384),
});

/** Who this device is: everything but its private key. */
export type IdentityDocument = z.output<typeof identitySchema>;
export type DeviceIdentity = IdentityDocument & { readonly key: string };

const localSchema = z.strictObject({ version: z.literal(1), device: z.string().max(63) });

/** A machine that was brought back without any cloud: it has a name, and nothing to prove it by. */
export type LocalIdentity = { readonly device: string };

/** Who this device is, to itself: it runs either way. */
export type Identity = DeviceIdentity | LocalIdentity;

export function isEnrolled(identity: Identity): identity is DeviceIdentity {
  return 'certificate' in identity;
}

const identityFile = (root: string): string => join(root, 'identity', 'identity.json');
const localFile = (root: string): string => join(root, 'identity', 'local.json');
const keyFile = (root: string): string => join(root, 'identity', 'device.key');

/**
 * The identity in `root`, or undefined when the device has not been enrolled there. Rejects with AgentError 'stateBroken' where it
 * cannot be what it was: nothing would say so later but a failing handshake.
 */
export async function loadIdentity(root: string): Promise<DeviceIdentity | undefined> {
  const text = await readIfPresent(identityFile(root));
  const key = await readIfPresent(keyFile(root));
  if (text === undefined || key === undefined) return undefined;
  const document = parsed(root, text);
  requireCertificate(`ca of ${identityFile(root)}`, document.ca);
  const certificate = requireCertificate(`certificate of ${identityFile(root)}`, document.certificate);
  const privateKey = readOrBroken(`The private key ${keyFile(root)}`, () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey))
    throw broken(`The private key ${keyFile(root)}, which does not fit the certificate beside it,`);
  return { ...document, key };
}

function parsed(root: string, text: string): IdentityDocument {
  return readOrBroken(`The identity file ${identityFile(root)}`, () =>
    identitySchema.parse(JSON.parse(text)),
  );
}

function requireCertificate(what: string, pem: string): X509Certificate {
  return readOrBroken(`The ${what}`, () => new X509Certificate(pem));
}

function readOrBroken<T>(what: string, read: () => T, hint?: string): T {
  try {
    return read();
  } catch (cause) {
    throw broken(what, cause, hint);
  }
}

const bringBack =
  'Bring this device back from its machine file: holdfast restore machine.yaml --root NEW_FOLDER.';

function broken(what: string, cause?: unknown, hint = bringBack): AgentError {
  return new AgentError('stateBroken', `${what} is broken`, { cause, hint });
}

export async function saveIdentity(root: string, identity: IdentityDocument): Promise<void> {
  await atomicWrite(identityFile(root), `${JSON.stringify(identity, null, 2)}\n`);
}

/** The name of the machine in `root` that is not enrolled; undefined when none was brought there. */
export async function loadLocalIdentity(root: string): Promise<LocalIdentity | undefined> {
  const text = await readIfPresent(localFile(root));
  if (text === undefined) return undefined;
  try {
    return { device: localSchema.parse(JSON.parse(text)).device };
  } catch (cause) {
    throw new AgentError('stateBroken', `The identity file ${localFile(root)} is broken`, {
      cause,
      hint: 'Restore the machine again: holdfast restore machine.hfb --root NEW_FOLDER.',
    });
  }
}

export async function saveLocalIdentity(root: string, { device }: LocalIdentity): Promise<void> {
  await makeFolder(join(root, 'identity'), { mode: 0o700 });
  await atomicWrite(localFile(root), `${JSON.stringify({ version: 1, device }, null, 2)}\n`);
}

/**
 * The device's private key in `root`, made at the first call. It is on disk before any request names it, so that an
 * enrolment that was cut short goes on with the same key, and it never leaves the device. The identity of a key that was lost goes
 * before there is another: beside that one it would be a broken one, should the enrolment fail. Rejects with AgentError 'stateBroken'
 * for one that is no key.
 */
export async function deviceKey(root: string, create: () => Promise<string>): Promise<string> {
  const present = await readIfPresent(keyFile(root));
  if (present !== undefined) {
    const hint = `Remove ${keyFile(root)} and enrol again, with a new token. ${bringBack}`;
    readOrBroken(`The private key ${keyFile(root)}`, () => createPrivateKey(present), hint);
    return present;
  }
  await makeFolder(join(root, 'identity'), { mode: 0o700 });
  const key = await create();
  await rm(identityFile(root), { force: true });
  await syncFolder(join(root, 'identity'));
  await atomicWrite(keyFile(root), key);
  return key;
}

/** Whether an enrolment has come as far as the key, and no further. */
export async function isEnrolmentBegun(root: string): Promise<boolean> {
  return (
    (await readIfPresent(keyFile(root))) !== undefined &&
    (await readIfPresent(identityFile(root))) === undefined
  );
}

async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
