import type { Command } from 'commander';
import type { Snapshot } from '../../../cloud-sync/vault/format/snapshot-document.ts';
import { examples } from '../../options.ts';
import { plural } from '../../plural.ts';
import { printable } from '../../printable.ts';
import { action, type Run, type Surroundings } from '../../run.ts';
import { formatTable } from '../../table.ts';
import { isOf } from '../../vault/choose-snapshot.ts';
import { readSnapshots } from '../../vault/read-snapshots.ts';
import { shortId, shortTime, subjectOf } from '../../vault/snapshot-text.ts';
import { withVault, type VaultOptions } from '../../vault/vault-options.ts';

type Options = VaultOptions & { readonly host?: string; readonly tag?: string };

export function registerList(snapshots: Command, surroundings: Surroundings): void {
  withVault(
    snapshots
      .command('list')
      .description('List snapshots, oldest first: id, time, when the store received it, what it is of.')
      .argument('[volume]', 'Only of this volume, or path.'),
  )
    .option('--host <name>', 'Only from this host.')
    .option('--tag <tag>', 'Only with this tag.')
    .addHelpText(
      'after',
      examples(
        'holdfast snapshot list',
        'holdfast snapshot list data --json',
        'holdfast snapshot list --repository /mnt/backup',
      ),
    )
    .action(action(surroundings, list));
}

async function list(run: Run, options: Options, volume?: string): Promise<void> {
  const { openVault } = await import('../../vault/open-vault.ts');
  await using repository = await openVault(run, options);
  const all = await readSnapshots(run, repository);
  const { host, tag } = options;
  const chosen = all.filter(
    (snapshot) =>
      (volume === undefined || isOf(snapshot, volume)) &&
      (host === undefined || snapshot.document.hostname === host) &&
      (tag === undefined || snapshot.document.tags.includes(tag)),
  );
  run.out.result({ repository: repository.id, snapshots: chosen.map(toJson) }, () =>
    chosen.length > 0
      ? `${format(chosen)}\n${plural(chosen.length, 'snapshot')}`
      : `There are no snapshots${all.length === 0 ? ' yet' : ' like this'}. Take one with: holdfast snapshot`,
  );
}

function format(snapshots: readonly Snapshot[]): string {
  const hasReceived = snapshots.some(({ receivedMs }) => receivedMs !== null);
  const rows = snapshots.map((snapshot) => {
    const { id, document, receivedMs } = snapshot;
    const received = receivedMs === null ? '-' : shortTime(receivedMs);
    return [
      ...[shortId(id), shortTime(document.time), ...(hasReceived ? [received] : [])],
      ...[subjectOf(snapshot), printable(document.hostname), printable(document.tags.join(', '))],
    ];
  });
  const head = ['ID', 'TIME', ...(hasReceived ? ['RECEIVED'] : []), 'OF', 'HOST', 'TAGS'];
  return formatTable(head, rows);
}

function toJson({ id, document, receivedMs }: Snapshot): object {
  const received = receivedMs === null ? null : new Date(receivedMs).toISOString();
  return { id, ...document, received };
}
