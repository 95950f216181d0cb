import type { Command } from 'commander';
import type { SnapshotChange } from '../../../cloud-sync/vault/browse/diff-snapshots.ts';
import { examples } from '../../options.ts';
import { printable } from '../../printable.ts';
import { formatBytes } from '../../progress.ts';
import { action, type Run, type Surroundings } from '../../run.ts';
import type { Style } from '../../io.ts';
import { DamagedFolders } from '../../vault/damaged-folders.ts';
import { jsonOfNode } from '../../vault/node-text.ts';
import { shortId, subjectOf } from '../../vault/snapshot-text.ts';
import { withVault, type VaultOptions } from '../../vault/vault-options.ts';
import { drained } from '../../write-out.ts';

type Options = VaultOptions & { readonly path?: string; readonly metadata?: true };
type Kind = SnapshotChange['kind'];

/** As restic marks them. */
const marks: Readonly<Record<Kind, readonly [string, Style]>> = {
  added: ['+', 'green'],
  removed: ['-', 'red'],
  content: ['M', 'yellow'],
  type: ['T', 'yellow'],
  metadata: ['U', 'dim'],
};

export function registerDiff(snapshots: Command, surroundings: Surroundings): void {
  withVault(
    snapshots
      .command('diff')
      .description(
        'What one snapshot has otherwise than another: + added, - removed, M changed, T another kind.',
      )
      .argument('<from>', 'An id or its beginning, latest, or latest:VOLUME.')
      .argument('<to>', 'The other.'),
  )
    .option('--path <path>', 'Only below this folder.')
    .option('--metadata', 'Also those of which only mode, owner, time or attributes changed: U.')
    .addHelpText('after', examples('holdfast snapshot diff 3f2a91c0 latest:data --path reports'))
    .action(action(surroundings, diff));
}

async function diff(run: Run, options: Options, from: string, to: string): Promise<void> {
  const { diffSnapshots } = await import('../../../cloud-sync/vault/browse/diff-snapshots.ts');
  const { path, metadata = false } = options;
  const { openSnapshots } = await import('../../vault/open-snapshots.ts');
  await using opened = await openSnapshots(run, options);
  const { repository } = opened;
  const [before, after] = [opened.choose(from), opened.choose(to)];
  run.out.note(`${shortId(before.id)} of ${subjectOf(before)} → ${shortId(after.id)} of ${subjectOf(after)}`);
  const counts: Record<Kind, number> = { added: 0, removed: 0, content: 0, type: 0, metadata: 0 };
  const request = { from: before.id, to: after.id, ...(path !== undefined && { path }) };
  const damaged = new DamagedFolders(run);
  const how = { signal: run.signal, onDamaged: damaged.add };
  for await (const change of diffSnapshots(repository, request, how)) {
    counts[change.kind]++;
    if (change.kind === 'metadata' && !metadata) continue;
    run.out.item(toJson(change), () => format(run, change));
    await drained(run);
  }
  const { added, removed, content, type } = counts;
  const rest = metadata || counts.metadata === 0 ? '' : `, ${counts.metadata} in their metadata only`;
  run.out.note(`${added} added, ${removed} removed, ${content + type} changed${rest}.`);
  damaged.throwIfAny();
}

function format({ out }: Run, { path, kind, before, after }: SnapshotChange): string {
  const [mark, style] = marks[kind];
  const slash = (after ?? before)?.type === 'dir' ? '/' : '';
  const sizes =
    kind === 'content' && before && after
      ? `  (${formatBytes(before.size)} → ${formatBytes(after.size)})`
      : '';
  return out.paint(style, `${mark} ${printable(path)}${slash}`) + sizes;
}

function toJson({ path, kind, before, after }: SnapshotChange): object {
  return {
    ...{ path, kind },
    ...(before && { before: jsonOfNode(path, before) }),
    ...(after && { after: jsonOfNode(path, after) }),
  };
}
