import type { Command } from 'commander';
import { examples, parseShare } from '../../options.ts';
import { action, type Surroundings } from '../../run.ts';
import { withVault } from '../../vault/vault-options.ts';
import type { PruneOptions } from '../../vault/prune-vault.ts';

export function registerPrune(vault: Command, surroundings: Surroundings): void {
  withVault(
    vault
      .command('prune')
      .description('Remove what no snapshot needs. In the cloud it needs a grant: holdfast vault grant.'),
  )
    .option('--max-unused <share>', 'How much of what stays may be unused (default: 5%).', parseShare)
    .option('--dry-run', 'Show the plan only.')
    .option('-y, --yes', 'Do not ask.')
    .addHelpText('after', examples('holdfast vault prune', 'holdfast vault prune --max-unused 0% --yes'))
    .action(
      action(surroundings, async (run, options: PruneOptions) => {
        const { pruneVault } = await import('../../vault/prune-vault.ts');
        await pruneVault(run, options);
      }),
    );
}
