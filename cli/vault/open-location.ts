import { resolve } from 'node:path';
import type { VaultBackend } from '../../cloud-sync/vault/backend/backend.ts';
import type { BackendCredentials } from '../../cloud-sync/vault/backend/open-backend.ts';
import { isWord, nameWord } from '../../manifests/words.ts';
import { readContext } from '../context.ts';
import { CliError } from '../errors.ts';
import { readInput } from '../files.ts';
import type { Run } from '../run.ts';
import { operatorBackend } from './operator-backend.ts';
import type { VaultOptions } from './vault-options.ts';

const maxCaBytes = 2 ** 20;

/**
 * The store that a person named, connected to nothing yet: a path may be relative, and `cloud:DEVICE` is the vault of a device in the
 * cloud of the context, as its operator. Rejects with SyncError 'badRequest' for what is none.
 */
export async function openLocation(
  run: Run,
  location: string,
  { cacert }: VaultOptions,
): Promise<VaultBackend> {
  if (location.startsWith('cloud:')) return openCloudVault(run, location.slice('cloud:'.length));
  const ca =
    cacert === undefined
      ? undefined
      : await readInput(run.io, cacert, { what: 'CA certificate', maxBytes: maxCaBytes });
  if (!/^[a-z][a-z0-9]+:/.test(location)) return openFolder(resolve(location));
  return openRemote(location, { ...(ca !== undefined && { ca }) });
}

async function openCloudVault(run: Run, device: string): Promise<VaultBackend> {
  if (!isWord(nameWord, device))
    throw new CliError('usage', `${JSON.stringify(device)} is no name of a device.`, {
      hint: 'Write cloud:greenhouse-7, with a name that holdfast devices lists.',
    });
  const { url, token, ca } = await readContext(run);
  return operatorBackend(
    run,
    await openRemote(`rest:${new URL(`/vault/${device}/`, url).href}`, { token, ca }),
  );
}

async function openFolder(folder: string): Promise<VaultBackend> {
  const { openFolderBackend } = await import('../../cloud-sync/vault/backend/folder-backend.ts');
  return openFolderBackend(folder);
}

async function openRemote(location: string, credentials: BackendCredentials): Promise<VaultBackend> {
  const { openBackend } = await import('../../cloud-sync/vault/backend/open-backend.ts');
  return openBackend(location, credentials);
}
