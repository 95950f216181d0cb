import type { Command } from 'commander';
import { examples } from '../../options.ts';
import { action, type Run, type Surroundings } from '../../run.ts';
import { withVault, type VaultOptions } from '../../vault/vault-options.ts';
import { drained } from '../../write-out.ts';

export function registerCat(snapshots: Command, surroundings: Surroundings): void {
  withVault(
    snapshots
      .command('cat')
      .description('Write a file of a snapshot to stdout, every byte verified before it comes out.')
      .argument('<snapshot>', 'An id or its beginning, latest, or latest:VOLUME.')
      .argument('<path>', 'The file, from the root of the snapshot.'),
  )
    .addHelpText(
      'after',
      examples(
        'holdfast snapshot cat latest:data reports/may.csv',
        'holdfast snapshot cat 3f2a91c0 db.sqlite > db.sqlite',
      ),
    )
    .action(action(surroundings, cat));
}

async function cat(run: Run, options: VaultOptions, name: string, path: string): Promise<void> {
  const { readFile } = await import('../../../cloud-sync/vault/browse/read-file.ts');
  const { openSnapshots } = await import('../../vault/open-snapshots.ts');
  await using opened = await openSnapshots(run, options);
  const { repository } = opened;
  const { id } = opened.choose(name);
  for await (const bytes of readFile(repository, { snapshot: id, path }, { signal: run.signal })) {
    run.io.stdout.write(bytes);
    await drained(run);
  }
}
