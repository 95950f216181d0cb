import type { Logger } from '../../lib/logger.ts';
import type { Machine } from '../../manifests/machine.ts';
import type { UpkeepResult } from '../control/vault-protocol.ts';
import { describeProblem } from './problem.ts';
import type { VaultStateHolder } from './vault-state.ts';

export type DailyOptions = {
  readonly volumes: Machine['volumes'];
  readonly state: VaultStateHolder;
  readonly upkeep: (
    task: { readonly kind: 'forget'; readonly prune: true } | { readonly kind: 'prune' },
    reason: string,
    callbacks: { readonly signal: AbortSignal },
  ) => Promise<UpkeepResult>;
  readonly now: () => Date;
  readonly logger: Logger;
  readonly signal: AbortSignal;
};

const everyMs = 24 * 3_600_000;
const never = { timeMs: Number.NEGATIVE_INFINITY, problem: null };

/** Once a day what `keep` does not keep is forgotten and pruned, where this device may delete. A failure is noted. */
export async function keepDaily(options: DailyOptions): Promise<void> {
  const { volumes, state, now, logger, signal } = options;
  const nowMs = now().getTime();
  const { timeMs: lastMs, problem: lastProblem } = state.state.retention ?? never;
  const isKept = Object.values(volumes).some(({ keep }) => keep !== undefined);
  // One that was noted by a clock that was ahead does not count.
  const isFresh = lastMs <= nowMs && nowMs < lastMs + everyMs;
  if (!isKept || isFresh) return;
  try {
    await forgetAndPrune(options, lastProblem !== null);
    await state.update(() => ({ retention: { timeMs: nowMs, problem: null } }));
  } catch (error) {
    if (signal.aborted) return;
    logger.warn('vault.retention.failed', { error });
    await state.update(() => ({ retention: { timeMs: nowMs, problem: describeProblem(error) } }));
  }
}

/** A job prunes when it forgets something. What one forgot that failed then, another has to prune. */
async function forgetAndPrune({ upkeep, signal }: DailyOptions, hasFailed: boolean): Promise<void> {
  const done = await upkeep({ kind: 'forget', prune: true }, 'schedule', { signal });
  const isPruned = done.did === 'forget' && done.freedBytes !== null;
  if (hasFailed && !isPruned) await upkeep({ kind: 'prune' }, 'schedule', { signal });
}
