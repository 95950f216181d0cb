import type { CallOptions } from '../backend/backend.ts';
import { inParallel } from '../in-parallel.ts';
import { intoIndexFiles } from '../index-files.ts';
import type { PackContents, Repository } from '../repository.ts';
import { explainForbidden } from './add-only-store.ts';
import { callsAtOnce } from './calls-at-once.ts';
import { orUndo } from './no-room.ts';
import { removePacks } from './rewrite-packs.ts';

export type IndexChange = CallOptions & {
  /** The index files that go: all that there are, or such as name no pack of others that goes. */
  readonly old: readonly string[];
  /** Of the packs, those that no old index file names. */
  readonly added?: readonly PackContents[];
};

/**
 * New index files first, then the old ones go: at every moment each pack that stays is named by one. Where there is no room for all of the
 * new ones, none of them stays, and none of the packs that were added.
 */
export async function replaceIndex(
  repository: Repository,
  packs: readonly PackContents[],
  { old, added = [], signal }: IndexChange,
): Promise<void> {
  const { backend } = repository;
  const written: string[] = [];
  const remove = (names: readonly string[]) =>
    inParallel(names, callsAtOnce, (name) => backend.remove('index', name, { signal }));
  const listed = await namesOf(repository, { signal });
  const write = async () => {
    for (const some of intoIndexFiles(packs)) {
      const supersedes = written.length === 0 ? old : [];
      written.push(...(await repository.addIndex(some, { signal, supersedes })));
    }
  };
  await orUndo(write, async () => {
    await remove(written);
    // A write that failed may have come to be all the same: what it names has to stay.
    const left = await namesOf(repository, { signal });
    if (left.isSubsetOf(listed)) await removePacks(repository, added, { signal });
  });
  await explainForbidden(repository, 'replace the index of', () => remove(old));
}

async function namesOf({ backend }: Repository, { signal }: CallOptions): Promise<Set<string>> {
  return new Set((await backend.list('index', { signal })).map(({ name }) => name));
}
