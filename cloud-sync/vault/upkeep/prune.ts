import { silentLogger, type Logger } from '../../../lib/logger.ts';
import type { CallOptions } from '../backend/backend.ts';
import type { Repository } from '../repository.ts';
import { explainForbidden, requireRemoval } from './add-only-store.ts';
import { inParallel } from '../in-parallel.ts';
import { callsAtOnce } from './calls-at-once.ts';
import { lockRepository, type RepositoryLock } from './locks.ts';
import { isNoRoom } from './no-room.ts';
import { planPrune, type PruneLimits, type PrunePlan } from './plan-prune.ts';
import { pruneInPlace } from './prune-in-place.ts';
import { replaceIndex } from './replace-index.ts';
import { rewritePacks, verifyBlobs } from './rewrite-packs.ts';

export type PruneRequest = CallOptions &
  Omit<PruneLimits, 'nowMs'> & {
    /** How long to wait for others to let go of the repository, in milliseconds; default 0. */
    readonly waitMs?: number;
    readonly onProgress?: (progress: PruneProgress) => void;
    readonly now?: () => Date;
    readonly logger?: Logger;
  };

type PruneProgress = {
  readonly phase: 'planning' | 'rewriting' | 'indexing' | 'removing';
  /** Packs, of those that are rewritten or removed. */
  readonly done: number;
  readonly total: number;
};

/** What was done: the plan, which is made anew under the lock, and how many packs the moved blobs fill. */
export type PruneOutcome = {
  readonly plan: PrunePlan;
  readonly newPacks: number;
  /** There was no room to move anything: only whole packs went, and another prune may find more. */
  readonly lackedRoom: boolean;
};

/**
 * Removes what no snapshot needs, alone in the repository. New packs, then the index over them, then the old index files go, then the
 * old packs: cut short between any two, every snapshot is whole, and the next prune takes what is left over. Where there is no room for
 * that, see `pruneInPlace`. Rejects with `locked`, `forbidden` before anything is written when the store does not let go of files,
 * `damaged` as `planPrune` and `rewritePacks` do, and `diskFull` or `quotaExceeded` when nothing could be freed.
 */
export async function prune(repository: Repository, request: PruneRequest): Promise<PruneOutcome> {
  const { waitMs, onProgress, now = () => new Date(), logger = silentLogger, ...limits } = request;
  await using lock = await lockRepository(repository, {
    ...{ exclusive: true, now, logger, signal: request.signal },
    ...(waitMs === undefined ? {} : { waitMs }),
  });
  const signal = AbortSignal.any([request.signal, lock.lost]);
  await requireRemoval(repository, 'prune', { signal });
  onProgress?.({ phase: 'planning', done: 0, total: 0 });
  const nowMs = lock.acquiredMs ?? now().getTime();
  const plan = await planPrune(repository, { ...limits, nowMs, signal });
  const step = { lock, signal, onProgress };
  const outcome = await carryOut(repository, plan, step).catch(async (error: unknown) => {
    if (!isNoRoom(error)) throw error;
    onProgress?.({ phase: 'removing', done: 0, total: 0 });
    const inPlace = await pruneInPlace(repository, error, { ...limits, nowMs, lock, signal });
    return { plan: inPlace, newPacks: 0, lackedRoom: true };
  });
  const { newPacks, lackedRoom } = outcome;
  const { bytes, removed } = outcome.plan;
  logger.info('vault.pruned', {
    ...{ freedBytes: bytes.freed, removedPacks: removed.length, newPacks, lackedRoom },
  });
  return outcome;
}

type Step = CallOptions & { readonly lock: RepositoryLock; readonly onProgress: PruneRequest['onProgress'] };

async function carryOut(
  repository: Repository,
  plan: PrunePlan,
  { lock, signal, onProgress }: Step,
): Promise<PruneOutcome> {
  const { rewritten, kept, removed, orphaned, indexFiles } = plan;
  await verifyBlobs(repository, plan.reliedOn, { signal });
  const rewriting = { phase: 'rewriting', total: rewritten.length } as const;
  const newPacks = await rewritePacks(repository, rewritten, {
    signal,
    onPack: (done) => onProgress?.({ ...rewriting, done }),
  });
  const oldPacks = [...removed, ...rewritten.map(({ pack }) => pack)];
  lock.assertHeld();
  if (oldPacks.length > 0 || plan.mergesIndex) {
    onProgress?.({ phase: 'indexing', done: 0, total: 0 });
    const change = { old: indexFiles, added: newPacks, signal };
    await replaceIndex(repository, [...kept, ...newPacks], change);
  }
  const going = [...oldPacks, ...orphaned.map(({ name }) => name)];
  let done = 0;
  await explainForbidden(repository, 'prune', () =>
    inParallel(going, callsAtOnce, async (name) => {
      lock.assertHeld();
      await repository.backend.remove('data', name, { signal });
      onProgress?.({ phase: 'removing', done: (done += 1), total: going.length });
    }),
  );
  return { plan, newPacks: newPacks.length, lackedRoom: false };
}
