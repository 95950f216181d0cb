import { hostname } from 'node:os';
import { InvalidArgumentError, type Command } from 'commander';
import { CliError } from '../../errors.ts';
import { collect, examples, parseBytesPerSecond } from '../../options.ts';
import { parseMoment } from '../../parse-moment.ts';
import { action, type Run, type Surroundings } from '../../run.ts';
import { locationText } from '../../vault/location-text.ts';
import { repositoryLocation, withVault } from '../../vault/vault-options.ts';
import type { TakeOptions } from '../../vault/take-folder.ts';
import { requireVolumes } from '../../vault/require-volumes.ts';

export function registerTake(snapshots: Command, surroundings: Surroundings): void {
  withVault(
    snapshots
      .command('take', { isDefault: true })
      .description('Snapshot volumes of this device, all of them by default; with --repository any folder.')
      .argument('[what...]', 'Volumes of the manifest, or with --repository one folder.'),
  )
    .option('--host <name>', 'What the snapshot says it is from.', hostname())
    .option('--path <path>', 'What the snapshot says it is of (default: the absolute path of the folder).')
    .option('--tag <tag>', 'A tag; may be repeated.', collect, [])
    .option('--exclude <pattern>', 'Leave out, as in .gitignore; may be repeated.', collect, [])
    .option('--parent <snapshot>', 'Compare with this one; none reads every file.', 'latest')
    .option('--no-memory', 'Remember nothing in the cache folder; the next one is slower.')
    .option('--threads <count>', 'Threads that read and encrypt (default: one a core).', parseThreads)
    .option('--limit <rate>', 'Bytes a second into the repository, such as 2MiB/s.', parseBytesPerSecond)
    .option(
      '--time <time>',
      'What the snapshot says when it was, such as 2026-05-01T06:00:00Z or -1h.',
      (text) => parseMoment(text, Date.now()),
    )
    .option('--skip-unchanged', 'Write no snapshot when nothing changed.')
    .addHelpText(
      'after',
      examples(
        'holdfast snapshot',
        'holdfast snapshot data photos',
        'holdfast snapshot take /srv/data --repository /mnt/backup --password-file ./password',
        'holdfast snapshot take . --repository rest:https://nas:8000/me --exclude "*.tmp" --tag before-update',
      ),
    )
    .action(action(surroundings, take));
}

async function take(run: Run, options: TakeOptions, what: readonly string[]): Promise<void> {
  const location = repositoryLocation(run, options);
  if (location === undefined) {
    requireVolumes(what, options);
    const { takeVolumes } = await import('../../vault/take-volumes.ts');
    return takeVolumes(run, what);
  }
  const [folder, ...more] = what;
  if (folder === undefined || more.length > 0)
    throw new CliError('usage', 'Name one folder to snapshot into the repository.', {
      hint: `holdfast snapshot take FOLDER --repository ${locationText(location)}`,
    });
  const { takeFolder } = await import('../../vault/take-folder.ts');
  await takeFolder(run, options, folder);
}

function parseThreads(text: string): number {
  if (/^[1-9][0-9]?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Give a whole number from 1 to 99.');
}
