import type { CallOptions, StoredFile } from '../backend/backend.ts';
import { decodeIndex, maxIndexBytes } from '../format/index-file.ts';
import { Sealer } from '../format/sealer.ts';
import { inParallel } from '../in-parallel.ts';
import { readStored } from '../read-stored.ts';
import type { PackContents, Repository } from '../repository.ts';
import { explainForbidden } from './add-only-store.ts';
import { callsAtOnce } from './calls-at-once.ts';
import type { RepositoryLock } from './locks.ts';
import { isNoRoom } from './no-room.ts';
import type { PrunePlan } from './plan-prune.ts';
import { replaceIndex } from './replace-index.ts';

type Freeing = CallOptions & { readonly lock: Pick<RepositoryLock, 'assertHeld'> };

/** An index file that names packs which go. */
type IndexFile = { readonly name: string; readonly goes: readonly string[]; readonly stayingBlobs: number };

/**
 * Removes what it can of the packs that `plan` removes, in a store that has no room: one index file after the other is replaced and what
 * only it named goes, those first that need no other in their place. At every moment each pack that stays is named by an index file, and none
 * names one that is gone. What has no room is tried again when others made some; resolves with the names of the packs that went.
 */
export async function freeUnusedPacks(
  repository: Repository,
  plan: Pick<PrunePlan, 'removed' | 'orphaned' | 'indexFiles'>,
  { lock, signal }: Freeing,
): Promise<ReadonlySet<string>> {
  const gone = new Set<string>();
  const remove = (names: readonly string[]) =>
    explainForbidden(repository, 'prune', () =>
      inParallel(names, callsAtOnce, async (name) => {
        lock.assertHeld();
        await repository.backend.remove('data', name, { signal });
        gone.add(name);
      }),
    );
  await remove(plan.orphaned.map(({ name }: StoredFile) => name));
  const files = await filesThatChange(repository, plan, { signal });
  const naming = countNames(files);
  const drop = async ({ name, goes }: IndexFile): Promise<boolean> => {
    lock.assertHeld();
    if (!(await hasRoomToDrop(repository, name, { goes: new Set(goes), signal }))) return false;
    for (const pack of goes) naming.set(pack, (naming.get(pack) ?? 1) - 1);
    await remove(goes.filter((pack) => naming.get(pack) === 0));
    return true;
  };
  for (let left = files, before = Infinity; left.length < before;) {
    before = left.length;
    const waiting: IndexFile[] = [];
    for (const file of left) if (!(await drop(file))) waiting.push(file);
    left = waiting;
  }
  return gone;
}

/** Those that need least room first, as far as the number of blobs tells. */
async function filesThatChange(
  repository: Repository,
  { removed, indexFiles }: Pick<PrunePlan, 'removed' | 'indexFiles'>,
  { signal }: CallOptions,
): Promise<IndexFile[]> {
  const unused = new Set(removed);
  const files: IndexFile[] = [];
  for (const name of indexFiles) {
    const packs = await readIndex(repository, name, { signal });
    const goes = packs.filter(({ pack }) => unused.has(pack)).map(({ pack }) => pack);
    const stays = packs.filter(({ pack }) => !unused.has(pack));
    const stayingBlobs = stays.reduce((sum, { blobs }) => sum + blobs.length, 0);
    if (goes.length > 0) files.push({ name, goes: [...new Set(goes)], stayingBlobs });
  }
  return files.sort((a, b) => a.stayingBlobs - b.stayingBlobs);
}

/** How many of the files name each pack. */
function countNames(files: readonly IndexFile[]): Map<string, number> {
  const naming = new Map<string, number>();
  for (const { goes } of files) for (const pack of goes) naming.set(pack, (naming.get(pack) ?? 0) + 1);
  return naming;
}

/** Puts the file without what goes in its place, nothing where all of it goes. Resolves with whether there was room for it. */
async function hasRoomToDrop(
  repository: Repository,
  name: string,
  { goes, signal }: CallOptions & { readonly goes: ReadonlySet<string> },
): Promise<boolean> {
  const packs = await readIndex(repository, name, { signal });
  const stays = packs.filter(({ pack }) => !goes.has(pack));
  try {
    await replaceIndex(repository, stays, { old: [name], signal });
    return true;
  } catch (error) {
    if (isNoRoom(error)) return false;
    throw error;
  }
}

async function readIndex(
  { backend, key }: Repository,
  name: string,
  { signal }: CallOptions,
): Promise<readonly PackContents[]> {
  const bytes = await readStored(backend, { type: 'index', name, maxBytes: maxIndexBytes, signal });
  return decodeIndex(new Sealer(key), bytes).packs;
}
