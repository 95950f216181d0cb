import type { Command } from 'commander';
import { confirm } from '../../confirm.ts';
import { examples } from '../../options.ts';
import { plural } from '../../plural.ts';
import { action, type Run, type Surroundings } from '../../run.ts';
import { withVault, type VaultOptions } from '../../vault/vault-options.ts';

type Options = VaultOptions & { readonly all?: true; readonly yes?: true };

export function registerUnlock(vault: Command, surroundings: Surroundings): void {
  withVault(
    vault
      .command('unlock')
      .description('Remove locks that nobody holds any more: their process is gone, or they are old.'),
  )
    .option('--all', 'Remove every lock, also of somebody who may still be at work.')
    .option('-y, --yes', 'Do not ask.')
    .addHelpText('after', examples('holdfast vault unlock', 'holdfast vault unlock --all'))
    .action(action(surroundings, unlock));
}

async function unlock(run: Run, options: Options): Promise<void> {
  const { all = false } = options;
  if (all)
    await confirm(run, 'Work under a lock that is removed may come to harm. Remove every lock?', options);
  const { removeStaleLocks } = await import('../../../cloud-sync/vault/upkeep/locks.ts');
  const { openVault } = await import('../../vault/open-vault.ts');
  await using repository = await openVault(run, options);
  const removed = await removeStaleLocks(repository, { all, signal: run.signal });
  run.out.result({ removed }, () =>
    removed === 0 ? 'There is no such lock.' : `Removed ${plural(removed, 'lock')}.`,
  );
}
