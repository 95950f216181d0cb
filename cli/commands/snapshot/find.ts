import type { Command } from 'commander';
import { CliError } from '../../errors.ts';
import { examples } from '../../options.ts';
import { plural } from '../../plural.ts';
import { action, type Run, type Surroundings } from '../../run.ts';
import { isOf } from '../../vault/choose-snapshot.ts';
import { DamagedFolders } from '../../vault/damaged-folders.ts';
import { formatNode, jsonOfNode } from '../../vault/node-text.ts';
import { shortId, shortTime } from '../../vault/snapshot-text.ts';
import { withVault, type VaultOptions } from '../../vault/vault-options.ts';
import { drained } from '../../write-out.ts';

type Options = VaultOptions & {
  readonly of?: string;
  readonly snapshot?: string;
  readonly ignoreCase?: true;
  readonly long?: true;
};

export function registerFind(snapshots: Command, surroundings: Surroundings): void {
  withVault(
    snapshots
      .command('find')
      .description(
        'Which snapshots have a file or folder of this name, oldest first; with --json a line each.',
      )
      .argument('<pattern...>', 'A name or glob: *.sqlite, reports/*.csv, /from/the/root, **/below/**.'),
  )
    .option('--of <volume>', 'Only snapshots of this volume, or path.')
    .option('--snapshot <snapshot>', 'Only this one.')
    .option('-i, --ignore-case', 'Capitals do not matter.')
    .option('-l, --long', 'As ls -l.')
    .addHelpText(
      'after',
      examples('holdfast snapshot find "*.sqlite"', 'holdfast snapshot find reports/ --of data -l'),
    )
    .action(action(surroundings, find));
}

async function find(run: Run, options: Options, patterns: readonly string[]): Promise<void> {
  // Of a script whose variable is not set.
  if (patterns.includes(''))
    throw new CliError('usage', 'A pattern is empty.', { hint: 'Name a file; * finds all of them.' });
  const { findEntries } = await import('../../../cloud-sync/vault/browse/find-entries.ts');
  const { of: subject, snapshot, ignoreCase = false, long = false } = options;
  const { openSnapshots } = await import('../../vault/open-snapshots.ts');
  await using opened = await openSnapshots(run, options);
  const { repository, snapshots: all } = opened;
  const asked = snapshot === undefined ? all : [opened.choose(snapshot)];
  const snapshots = asked.filter((one) => subject === undefined || isOf(one, subject));
  const damaged = new DamagedFolders(run);
  const found = findEntries(
    repository,
    { patterns, snapshots, ignoreCase },
    { signal: run.signal, onDamaged: damaged.add },
  );
  let count = 0;
  for await (const { snapshot: one, path, node } of found) {
    count++;
    run.out.item(
      { snapshot: one.id, time: one.document.time, ...jsonOfNode(path, node) },
      () => `${shortId(one.id)}  ${shortTime(one.document.time)}  ${formatNode(path, node, { long })}`,
    );
    await drained(run);
  }
  if (count === 0) run.out.note(`No entry like this in ${plural(snapshots.length, 'snapshot')}.`);
  damaged.throwIfAny();
}
