import { silentLogger, type Logger } from '../../../lib/logger.ts';
import type { CallOptions } from '../backend/backend.ts';
import type { Repository } from '../repository.ts';
import { explainForbidden, requireRemoval } from './add-only-store.ts';
import { inParallel } from '../in-parallel.ts';
import { callsAtOnce } from './calls-at-once.ts';
import { lockRepository, type RepositoryLock } from './locks.ts';
import { planPrune, type PruneLimits, type PrunePlan } from './plan-prune.ts';
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
export type PruneOutcome = { readonly plan: PrunePlan; readonly newPacks: number };

/**
 * Removes what no snapshot needs, alone in the repository. New packs, then the index over them, then the old index files go, then the
 * old packs: cut short between any two, every snapshot is whole, and the next prune takes what is left over. Rejects with `locked`,
 * `forbidden` before anything is written when the store does not let go of files, and `damaged` as `planPrune` and `rewritePacks` do.
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
  const newPacks = await carryOut(repository, plan, { lock, signal, onProgress });
  logger.info('vault.pruned', { freedBytes: plan.bytes.freed, removedPacks: plan.removed.length, newPacks });
  return { plan, newPacks };
}

type Step = CallOptions & { readonly lock: RepositoryLock; readonly onProgress: PruneRequest['onProgress'] };

async function carryOut(
  repository: Repository,
  plan: PrunePlan,
  { lock, signal, onProgress }: Step,
): Promise<number> {
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
    await replaceIndex(repository, [...kept, ...newPacks], { old: indexFiles, signal });
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
  return newPacks.length;
}
