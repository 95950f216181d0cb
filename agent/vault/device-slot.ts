import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { atomicWrite } from '../../lib/atomic-write.ts';
import { errorCode } from '../../lib/error-code.ts';
import { makeFolder } from '../../lib/make-folder.ts';
import { AgentError } from '../errors.ts';

const secretPattern = /^[A-Za-z0-9_-]{43}$/;

/**
 * The password of this device's own key slot: 32 random bytes, made at the first call, on disk before any repository knows it.
 * It never leaves the device. Rejects with AgentError 'stateBroken'.
 */
export async function deviceSlotSecret(root: string): Promise<string> {
  const present = await readDeviceSlotSecret(root);
  if (present !== undefined) return present;
  const secret = randomBytes(32).toString('base64url');
  await makeFolder(join(root, 'identity'), { mode: 0o700 });
  await atomicWrite(pathOf(root), `${secret}\n`);
  return secret;
}

/** Undefined when this device never opened a repository. */
export async function readDeviceSlotSecret(root: string): Promise<string | undefined> {
  try {
    const secret = (await readFile(pathOf(root), 'utf8')).trim();
    if (secretPattern.test(secret)) return secret;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  throw new AgentError('stateBroken', `The key file ${pathOf(root)} is broken`, {
    hint: 'Remove it, and give this device a new key slot by the passphrase or a recovery code: holdfast restore machine.yaml.',
  });
}

function pathOf(root: string): string {
  return join(root, 'identity', 'vault.key');
}
