import type { CallOptions } from '../backend/backend.ts';
import type { Repository } from '../repository.ts';
import { freeUnusedPacks } from './free-unused.ts';
import type { RepositoryLock } from './locks.ts';
import { noRoom } from './no-room.ts';
import { planPrune, type PruneLimits, type PrunePlan } from './plan-prune.ts';
import { verifyBlobs } from './rewrite-packs.ts';

type InPlace = PruneLimits & CallOptions & { readonly lock: Pick<RepositoryLock, 'assertHeld'> };

/**
 * What can be done where there is no room to move blobs or to write the whole index anew: packs that hold nothing that is used go, one
 * index file at a time. Resolves with what was done; rejects, as `cause` did, when there is nothing that could go.
 */
export async function pruneInPlace(
  repository: Repository,
  cause: unknown,
  { lock, signal, ...limits }: InPlace,
): Promise<PrunePlan> {
  const plan = await planPrune(repository, { ...limits, maxUnusedShare: 1, signal });
  const files = await repository.backend.list('data', { signal });
  await verifyBlobs(repository, plan.reliedOn, { signal });
  const gone = await freeUnusedPacks(repository, plan, { lock, signal });
  const freed = files.reduce((sum, { name, bytes }) => sum + (gone.has(name) ? bytes : 0), 0);
  if (freed === 0) {
    const { location } = repository.backend;
    throw noRoom(
      `Cannot prune ${location}: there is no room for what has to be written before anything goes`,
      {
        hint: 'Forget more snapshots, the oldest ones, and prune again. Or free a few MiB of something else there, or raise its quota.',
        cause,
      },
    );
  }
  const unusedLeft = plan.bytes.unusedLeft + plan.bytes.freed - freed;
  return {
    ...plan,
    removed: plan.removed.filter((pack) => gone.has(pack)),
    bytes: { ...plan.bytes, freed, unusedLeft },
  };
}
