import type { Repository } from '../../cloud-sync/vault/repository.ts';
import { SyncError } from '../../cloud-sync/errors.ts';
import { openRepository } from '../../cloud-sync/vault/open-repository.ts';
import { CliError } from '../errors.ts';
import type { Run } from '../run.ts';
import { openLocation } from './open-location.ts';
import { slotPassword, vaultSecret } from './vault-secret.ts';
import { repositoryLocation, type VaultOptions } from './vault-options.ts';

/** The repository that the options name, else the agent's own, opened by this device's key. The caller disposes of it. */
export async function openVault(run: Run, options: VaultOptions): Promise<Repository> {
  const { signal } = run;
  const location = repositoryLocation(run, options);
  if (location === undefined) throw new CliError('usage', 'Name a repository: --repository LOCATION.');
  const secret = await vaultSecret(run, options, location);
  await using undo = new AsyncDisposableStack();
  const backend = undo.use(await openLocation(run, location, options));
  const repository = await openRepository(backend, { password: slotPassword(secret), signal }).catch(
    (error: unknown) => {
      throw explained(error, location);
    },
  );
  // From here on it disposes of the backend.
  undo.move();
  return repository;
}

/** Says what a person can do, who chose a location and a password here. */
function explained(error: unknown, location: string): unknown {
  if (!(error instanceof SyncError)) return error;
  if (error.code === 'noRepository')
    return new SyncError('noRepository', error.message, {
      cause: error,
      hint: `Correct --repository, or make one: holdfast vault init --repository ${location}`,
    });
  if (error.code !== 'wrongPassphrase' || error.hint !== undefined) return error;
  return new SyncError('wrongPassphrase', `No key of ${location} opens with what was given.`, {
    cause: error,
    hint: 'Correct the password, or open it by another slot: --passphrase-file, --recovery-code-file.',
  });
}
