import type { Command } from 'commander';
import { examples } from '../../options.ts';
import { action, type Run, type Surroundings } from '../../run.ts';
import { DamagedFolders } from '../../vault/damaged-folders.ts';
import { formatNode, jsonOfNode } from '../../vault/node-text.ts';
import { withVault, type VaultOptions } from '../../vault/vault-options.ts';
import { drained } from '../../write-out.ts';

type Options = VaultOptions & { readonly long?: true; readonly recursive?: true };

export function registerLs(snapshots: Command, surroundings: Surroundings): void {
  withVault(
    snapshots
      .command('ls')
      .description('List what is in a snapshot; with --json a line each.')
      .argument('<snapshot>', 'An id or its beginning, latest, or latest:VOLUME.')
      .argument('[path]', 'A folder or file of it, from its root.'),
  )
    .option('-l, --long', 'As ls -l: mode, owner, size, time in UTC.')
    .option('-R, --recursive', 'With everything below.')
    .addHelpText(
      'after',
      examples('holdfast snapshot ls latest:data -l', 'holdfast snapshot ls 3f2a91c0 reports -R --json'),
    )
    .action(action(surroundings, ls));
}

async function ls(run: Run, options: Options, name: string, path?: string): Promise<void> {
  const { listEntries } = await import('../../../cloud-sync/vault/browse/list-entries.ts');
  const { long = false, recursive = false } = options;
  const { openSnapshots } = await import('../../vault/open-snapshots.ts');
  await using opened = await openSnapshots(run, options);
  const { repository } = opened;
  const { id } = opened.choose(name);
  const damaged = new DamagedFolders(run);
  const entries = listEntries(
    repository,
    { snapshot: id, recursive, ...(path !== undefined && { path }) },
    { signal: run.signal, onDamaged: damaged.add },
  );
  const above = path === undefined ? '/' : `/${path.replaceAll(/^\/+|\/+$/g, '')}/`;
  for await (const { path: at, node } of entries) {
    const shown = at.startsWith(above) ? at.slice(above.length) : at.slice(1);
    run.out.item(jsonOfNode(at, node), () => formatNode(shown, node, { long }));
    await drained(run);
  }
  damaged.throwIfAny();
}
