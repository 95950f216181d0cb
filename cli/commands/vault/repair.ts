import type { Command } from 'commander';
import { examples } from '../../options.ts';
import { action, type Surroundings } from '../../run.ts';
import { withVault } from '../../vault/vault-options.ts';
import type { RepairOptions } from '../../vault/repair-index.ts';
import type { RepairSnapshotsOptions } from '../../vault/repair-snapshots.ts';

/** After damage, in this order. */
export function registerRepair(vault: Command, surroundings: Surroundings): void {
  const repair = vault
    .command('repair')
    .description('Make a damaged repository usable again: index, then snapshots.');
  withVault(repair.command('index').description('Make the index say what the packs hold.'))
    .option('--read-data', 'Read every byte first, to find packs that are damaged inside.')
    .option('--dry-run', 'Show the plan only.')
    .option('-y, --yes', 'Do not ask.')
    .addHelpText('after', examples('holdfast vault repair index'))
    .action(
      action(surroundings, async (run, options: RepairOptions) => {
        const { repairVaultIndex } = await import('../../vault/repair-index.ts');
        await repairVaultIndex(run, options);
      }),
    );
  withVault(
    repair
      .command('snapshots')
      .description(
        'Write damaged snapshots anew, without the files that are lost; all others stay as they are.',
      ),
  )
    .option('--forget', 'Then forget the damaged ones.')
    .option('--read-data', 'Read every byte first, to find packs that are damaged inside.')
    .option('--dry-run', 'Show the plan only.')
    .option('-y, --yes', 'Do not ask.')
    .addHelpText('after', examples('holdfast vault repair snapshots --dry-run'))
    .action(
      action(surroundings, async (run, options: RepairSnapshotsOptions) => {
        const { repairVaultSnapshots } = await import('../../vault/repair-snapshots.ts');
        await repairVaultSnapshots(run, options);
      }),
    );
}
