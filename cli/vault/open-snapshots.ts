import { SyncError } from '../../cloud-sync/errors.ts';
import type { Snapshot } from '../../cloud-sync/vault/format/snapshot-document.ts';
import type { Repository } from '../../cloud-sync/vault/repository.ts';
import { SnapshotFloor } from '../../cloud-sync/vault/upkeep/floor.ts';
import { printable } from '../printable.ts';
import type { Run } from '../run.ts';
import { chooseSnapshot } from './choose-snapshot.ts';
import { openAt, openOwn } from './open-vault.ts';
import { readSnapshots } from './read-snapshots.ts';
import { forRepository } from './repository-hint.ts';
import { repositoryLocation, type VaultOptions } from './vault-options.ts';

/** A repository, and its snapshots to choose from, oldest first. */
export type OpenedSnapshots = AsyncDisposable & {
  readonly repository: Repository;
  readonly snapshots: readonly Snapshot[];
  /**
   * As `chooseSnapshot`. Throws `stale` for a `latest` of the device's own repository when its store lists less than this device saw
   * there: what is newest now is not what was. An id may still be named.
   */
  readonly choose: (text: string) => Snapshot;
};

/** The repository that the options name, else the agent's own. */
export async function openSnapshots(run: Run, options: VaultOptions): Promise<OpenedSnapshots> {
  const location = repositoryLocation(run, options);
  const own = location === undefined ? await openOwn(run) : undefined;
  const { repository } = own ?? (await openAt(run, location ?? '', options));
  await using undo = new AsyncDisposableStack();
  undo.use(repository);
  const damaged: string[] = [];
  const snapshots = await readSnapshots(run, repository, (id) => damaged.push(id));
  const stale = own && (await staleness(run, own, { snapshots, damaged }));
  await repository.index({ signal: run.signal, onDamaged: noteDamagedIndex(run, options) });
  const opened = undo.move();
  return {
    ...{ repository, snapshots },
    choose: (text) => {
      if (stale && text.startsWith('latest')) throw stale;
      return chooseSnapshot(snapshots, text);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** What others name can be read. */
function noteDamagedIndex({ out }: Run, { repository }: VaultOptions): (name: string, error: Error) => void {
  const then = forRepository('What only it names is missing until: holdfast vault repair index', repository);
  return (_name, error) => out.note(`${printable(error.message)}\n${then}`);
}

type Own = { readonly repository: Repository; readonly floor: string };
type Read = { readonly snapshots: readonly Snapshot[]; readonly damaged: readonly string[] };

async function staleness(
  { signal }: Run,
  { repository, floor }: Own,
  read: Read,
): Promise<SyncError | undefined> {
  const indexFiles = await repository.backend.list('index', { signal });
  try {
    const known = await SnapshotFloor.open(floor, repository.id);
    known.compare({ ...read, indexFiles: indexFiles.map(({ name }) => name) });
    return undefined;
  } catch (error) {
    if (error instanceof SyncError && error.code === 'stale') return error;
    throw error;
  }
}
