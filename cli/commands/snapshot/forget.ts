import type { Command } from 'commander';
import { examples, parseAge, parseCount } from '../../options.ts';
import { action, type Surroundings } from '../../run.ts';
import { withVault } from '../../vault/vault-options.ts';
import type { ForgetOptions } from '../../vault/plan-forget.ts';

export function registerForget(snapshots: Command, surroundings: Surroundings): void {
  withVault(
    snapshots
      .command('forget')
      .description(
        "Drop snapshots: these, or those that the rules do not keep; on a device by the manifest's keep. Shows its plan first.",
      )
      .argument('[snapshot...]', 'Ids or their beginnings.'),
  )
    .option('--keep-last <count>', 'Keep the newest so many.', parseCount)
    .option('--keep-hourly <count>', 'Keep one of each of the last hours that have some.', parseCount)
    .option('--keep-daily <count>', 'Of the last days.', parseCount)
    .option('--keep-weekly <count>', 'Of the last weeks.', parseCount)
    .option('--keep-monthly <count>', 'Of the last months.', parseCount)
    .option('--keep-yearly <count>', 'Of the last years.', parseCount)
    .option('--keep-within <duration>', 'Keep all that are at most so much older than the newest.', parseAge)
    .option('--of <volume>', 'Only among snapshots of this volume, or path.')
    .option('--host <name>', 'Only among those of this host.')
    .option('--prune', 'Then remove what only they needed.')
    .option('--dry-run', 'Show the plan only.')
    .option('-y, --yes', 'Do not ask.')
    .addHelpText(
      'after',
      examples(
        'holdfast snapshot forget --dry-run',
        'holdfast snapshot forget --keep-daily 7 --keep-monthly 12 --repository /mnt/backup --prune',
        'holdfast snapshot forget 3f2a91c0 --yes',
      ),
    )
    .action(
      action(surroundings, async (run, options: ForgetOptions, names: readonly string[]) => {
        const { forget } = await import('../../vault/forget.ts');
        await forget(run, options, names);
      }),
    );
}
