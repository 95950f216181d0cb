import type { Command } from 'commander';
import { examples } from '../../options.ts';
import { action, type Surroundings } from '../../run.ts';
import { withVault } from '../../vault/vault-options.ts';
import type { RestoreOptions } from '../../vault/restore-folder.ts';

export function registerRestoreSnapshot(snapshots: Command, surroundings: Surroundings): void {
  withVault(
    snapshots
      .command('restore')
      .description('Bring a snapshot back into a folder, or a file or folder of it, every byte verified.')
      .argument('<snapshot>', 'An id or its beginning, latest, or latest:VOLUME.')
      .requiredOption('--target <dir>', 'Where its entries go: an empty or new folder.'),
  )
    .option('--path <path>', 'Only this file or folder of the snapshot.')
    .option('--replace', 'Exchange what the target holds now, once everything is there.')
    .option('--allow-damaged', 'Exchange it also when some files could not be restored.')
    .option('--dry-run', 'Show the plan only.')
    .option('-y, --yes', 'Do not ask.')
    .addHelpText(
      'after',
      examples(
        'holdfast snapshot restore latest:data --target ./back',
        'holdfast snapshot restore 3f2a91c0 --path reports/may.csv --target ./may',
        'holdfast snapshot restore latest --repository /mnt/backup --target /srv/data --replace',
      ),
    )
    .action(
      action(surroundings, async (run, options: RestoreOptions, snapshot: string) => {
        const { restoreFolder } = await import('../../vault/restore-folder.ts');
        await restoreFolder(run, options, snapshot);
      }),
    );
}
