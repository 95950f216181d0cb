import type { Command } from 'commander';
import { examples } from '../../options.ts';
import { action, type Surroundings } from '../../run.ts';
import { withVault, type VaultOptions } from '../../vault/vault-options.ts';
import type { AddKeyOptions } from '../../vault/add-key.ts';
import type { RemoveKeyOptions } from '../../vault/remove-key.ts';

/** Each slot alone opens the repository. */
export function registerKey(vault: Command, surroundings: Surroundings): void {
  const key = vault
    .command('key')
    .alias('keys')
    .description('The key slots of the repository: each of them alone opens it.');
  withVault(key.command('list', { isDefault: true }).description('List the key slots.'))
    .addHelpText('after', examples('holdfast vault key list', 'holdfast vault key list --json'))
    .action(
      action(surroundings, async (run, options: VaultOptions) => {
        const { listKeys } = await import('../../vault/list-keys.ts');
        await listKeys(run, options);
      }),
    );
  withVault(
    key
      .command('add')
      .description('Add a slot: for a passphrase, a printed recovery code, or a password as restic has them.')
      .option('--passphrase', 'For a passphrase, asked for without echo.')
      .option('--new-passphrase-file <file>', 'For the passphrase in this file; - reads stdin.')
      .option('--recovery-code', 'For a recovery code, which is made and shown this once.')
      .option(
        '--new-password-file <file>',
        'For the password in this file, with which stock restic opens it.',
      ),
  )
    .addHelpText(
      'after',
      examples(
        'holdfast vault key add --recovery-code > recovery-code.txt',
        'holdfast vault key add --passphrase',
        'holdfast vault key add --new-password-file ./restic-password',
      ),
    )
    .action(
      action(surroundings, async (run, options: AddKeyOptions) => {
        const { addKey } = await import('../../vault/add-key.ts');
        await addKey(run, options);
      }),
    );
  withVault(
    key
      .command('remove')
      .description('Remove a slot; not the last one, and not the one in use.')
      .argument('<slot>', 'Its name, or the beginning of it.')
      .option('-y, --yes', 'Do not ask.'),
  )
    .addHelpText('after', examples('holdfast vault key remove 3f2a91c0'))
    .action(
      action(surroundings, async (run, options: RemoveKeyOptions, slot: string) => {
        const { removeKey } = await import('../../vault/remove-key.ts');
        await removeKey(run, options, slot);
      }),
    );
}
