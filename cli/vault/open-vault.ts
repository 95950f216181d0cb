import type { DeviceVault } from '../../agent/open-vault.ts';
import { SyncError } from '../../cloud-sync/errors.ts';
import type { OpenedVault, OpenVaultOptions, VaultSecret } from '../../cloud-sync/vault/keys/open-vault.ts';
import type { Repository } from '../../cloud-sync/vault/repository.ts';
import { agentRoot } from '../context.ts';
import { CliError } from '../errors.ts';
import { readManifest } from '../manifest-file.ts';
import type { Run } from '../run.ts';
import { locationText } from './location-text.ts';
import { repositoryLocation, type VaultOptions } from './vault-options.ts';
import { vaultSecret } from './vault-secret.ts';

/** `onDeriving`: called when a key is being derived from a password, which takes a while. */
type Opening = Pick<OpenVaultOptions, 'onDeriving'>;

/** The repository that the options name, else the agent's own, opened by this device's key. The caller disposes of it. */
export async function openVault(run: Run, options: VaultOptions, opening: Opening = {}): Promise<Repository> {
  const location = repositoryLocation(run, options);
  return location === undefined
    ? (await openOwn(run)).repository
    : (await openAt(run, location, options, opening)).repository;
}

/** The agent's, whether or not the agent runs, with the manifest that it runs. Its repository disposes of it. */
export async function openOwn(run: Run): Promise<DeviceVault> {
  const { openDeviceVault } = await import('../../agent/open-vault.ts');
  return openDeviceVault(agentRoot(run), { signal: run.signal });
}

/** The one at `location`, and which of its key slots opened it. */
export async function openAt(
  run: Run,
  location: string,
  options: VaultOptions,
  { onDeriving }: Opening = {},
): Promise<OpenedVault> {
  const { signal } = run;
  const { openLocation } = await import('./open-location.ts');
  const { openVault: openBySecret } = await import('../../cloud-sync/vault/keys/open-vault.ts');
  const ownerKey = await readOwnerKey(run, options);
  const secret = await vaultSecret(run, options, location);
  await using undo = new AsyncDisposableStack();
  const backend = undo.use(await openLocation(run, location, options));
  const opened = await openBySecret(backend, { secret, ownerKey, onDeriving, signal }).catch(
    (error: unknown) => {
      throw explained(error, { location, secret, ownerKey });
    },
  );
  // From here on the repository disposes of the backend.
  undo.move();
  return opened;
}

async function readOwnerKey(run: Run, { machineFile }: VaultOptions): Promise<string | undefined> {
  if (machineFile === undefined) return undefined;
  const owner = (await readManifest(run, machineFile)).machine.vault?.owner;
  if (owner !== undefined) return owner;
  throw new CliError('invalidFile', `${machineFile} has no vault.owner.`, {
    hint: 'Give the machine file that holdfast deploy --out wrote with the passphrase.',
  });
}

type Attempt = {
  readonly location: string;
  readonly secret: VaultSecret;
  readonly ownerKey: string | undefined;
};

/** A person chose the location, and what to open it with, here. */
function explained(error: unknown, { location, secret, ownerKey }: Attempt): unknown {
  if (!(error instanceof SyncError)) return error;
  if (error.code === 'noRepository')
    return new SyncError('noRepository', error.message, {
      cause: error,
      hint: `Correct --repository, or make one: holdfast vault init --repository ${locationText(location)}`,
    });
  if (error.code !== 'wrongPassphrase' || secret.kind !== 'passphrase' || ownerKey !== undefined)
    return error;
  return new SyncError('wrongPassphrase', error.message, {
    cause: error,
    hint: 'For the slot that a device made give its machine file too: --machine-file FILE. Else correct the passphrase.',
  });
}
