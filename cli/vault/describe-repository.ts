import type { Repository } from '../../cloud-sync/vault/repository.ts';
import { grouped } from '../grouped.ts';
import { plural } from '../plural.ts';
import { printable } from '../printable.ts';
import { formatBytes } from '../progress.ts';
import type { Run } from '../run.ts';
import { openVault } from './open-vault.ts';
import { readSnapshots } from './read-snapshots.ts';
import { shortTime, subjectOf } from './snapshot-text.ts';
import type { VaultOptions } from './vault-options.ts';

const types = ['keys', 'data', 'index', 'snapshots', 'locks'] as const;

type Files = Readonly<Record<(typeof types)[number], { readonly count: number; readonly bytes: number }>>;

/** What is in the repository of the options: snapshots, key slots, locks, sizes. */
export async function describeRepository(run: Run, options: VaultOptions): Promise<void> {
  await using repository = await openVault(run, options);
  const { id, version, backend } = repository;
  const files = await countFiles(run, repository);
  const snapshots = await readSnapshots(run, repository);
  const newest = snapshots.at(-1);
  const bytes = Object.values(files).reduce((sum, one) => sum + one.bytes, 0);
  const value = {
    location: backend.location,
    id,
    version,
    bytes,
    files,
    newest: newest?.document.time ?? null,
  };
  run.out.result(value, () =>
    [
      `repository  ${printable(backend.location)}`,
      `id          ${id}  (format version ${version})`,
      `snapshots   ${grouped(files.snapshots.count)}${newest ? `, the newest of ${subjectOf(newest)} at ${shortTime(newest.document.time)} UTC` : ''}`,
      `size        ${formatBytes(bytes)} in ${plural(files.data.count, 'pack')} and ${plural(files.index.count, 'index file')}`,
      `key slots   ${files.keys.count}`,
      ...(files.locks.count === 0 ? [] : [`locks       ${files.locks.count}`]),
    ].join('\n'),
  );
}

async function countFiles({ signal }: Run, { backend }: Repository): Promise<Files> {
  const counted = await Promise.all(
    types.map(async (type) => {
      const stored = await backend.list(type, { signal });
      return [
        type,
        { count: stored.length, bytes: stored.reduce((sum, { bytes }) => sum + bytes, 0) },
      ] as const;
    }),
  );
  return Object.fromEntries(counted) as Files;
}
