import { silentLogger, type Logger } from '../../../lib/logger.ts';
import type { Repository } from '../repository.ts';
import { requireRemoval } from './add-only-store.ts';
import type { InspectOptions } from './inspect.ts';
import { lockRepository } from './locks.ts';
import { needsIndexRepair, planIndexRepair, type IndexRepairPlan } from './plan-index-repair.ts';
import { replaceIndex } from './replace-index.ts';
import { rewritePacks } from './rewrite-packs.ts';

export type RepairRequest = InspectOptions & {
  /** How long to wait for others to let go of the repository, in milliseconds; default 0. */
  readonly waitMs?: number;
  readonly now?: () => Date;
  readonly logger?: Logger;
};

/**
 * Makes the index say what the packs have, alone in the repository: from the headers of packs that it lacks, and with whole blobs of
 * damaged packs moved to new ones. Removes old index files only; a damaged pack is then one that no index names, and stays until a prune.
 * Resolves with the plan, which is made anew under the lock. Rejects with `locked`, and `forbidden` before anything is written.
 */
export async function repairIndex(repository: Repository, request: RepairRequest): Promise<IndexRepairPlan> {
  const { waitMs, now, logger = silentLogger, ...options } = request;
  await using lock = await lockRepository(repository, {
    ...{ exclusive: true, signal: request.signal, logger },
    ...(waitMs !== undefined && { waitMs }),
    ...(now && { now }),
  });
  const signal = AbortSignal.any([request.signal, lock.lost]);
  const plan = await planIndexRepair(repository, { ...options, signal });
  if (!needsIndexRepair(plan)) return plan;
  await requireRemoval(repository, 'repair the index of', { signal });
  const newPacks = await rewritePacks(repository, plan.salvaged, { signal });
  lock.assertHeld();
  const packs = [...plan.kept, ...plan.reindexed, ...newPacks];
  await replaceIndex(repository, packs, { old: plan.indexFiles, added: newPacks, signal });
  logger.info('vault.indexRepaired', {
    ...{ reindexed: plan.reindexed.length, salvaged: plan.salvaged.length, dropped: plan.dropped.length },
  });
  return plan;
}
