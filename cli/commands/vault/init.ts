import type { Command } from 'commander';
import { CliError } from '../../errors.ts';
import { examples } from '../../options.ts';
import { action, type Run, type Surroundings } from '../../run.ts';
import { repositoryLocation, withVault, type VaultOptions } from '../../vault/vault-options.ts';

export function registerInit(vault: Command, surroundings: Surroundings): void {
  withVault(
    vault
      .command('init')
      .description(
        'Make an empty repository with one key slot. The agent makes its own at the first snapshot.',
      ),
  )
    .addHelpText(
      'after',
      examples(
        'holdfast vault init --repository /mnt/backup',
        'holdfast vault init --repository rest:https://nas:8000/me --password-file ./password',
        'holdfast vault key add --repository /mnt/backup --recovery-code   # a second way in',
      ),
    )
    .action(action(surroundings, init));
}

async function init(run: Run, options: VaultOptions): Promise<void> {
  const location = repositoryLocation(run, options);
  if (location === undefined)
    throw new CliError('usage', 'Name the repository to make: --repository LOCATION.', {
      hint: 'The agent makes its own repository at the first snapshot: holdfast snapshot.',
    });
  if (options.recoveryCodeFile !== undefined)
    throw new CliError('usage', 'A repository is made with a password or passphrase.', {
      hint: 'Add a recovery code afterwards: holdfast vault key add --recovery-code.',
    });
  const { createVault } = await import('../../vault/create-vault.ts');
  await createVault(run, options, location);
}
