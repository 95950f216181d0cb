import type { CallOptions } from '../backend/backend.ts';
import { inParallel } from '../in-parallel.ts';
import type { PackContents, Repository } from '../repository.ts';
import { explainForbidden } from './add-only-store.ts';
import { callsAtOnce } from './calls-at-once.ts';

/** New index files first, then the old ones go: at every moment each pack that stays is named by one. */
export async function replaceIndex(
  repository: Repository,
  packs: readonly PackContents[],
  { old, signal }: CallOptions & { readonly old: readonly string[] },
): Promise<void> {
  if (packs.length > 0) await repository.addIndex(packs, { signal, supersedes: old });
  await explainForbidden(repository, 'replace the index of', () =>
    inParallel(old, callsAtOnce, (name) => repository.backend.remove('index', name, { signal })),
  );
}
