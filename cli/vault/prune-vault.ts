import type { Repository } from '../../cloud-sync/vault/repository.ts';
import { planPrune, type PrunePlan } from '../../cloud-sync/vault/upkeep/plan-prune.ts';
import { prune } from '../../cloud-sync/vault/upkeep/prune.ts';
import { confirm } from '../confirm.ts';
import { plural } from '../plural.ts';
import { formatBytes, Progress } from '../progress.ts';
import type { Run } from '../run.ts';
import { openVault } from './open-vault.ts';
import { quietLogger } from './quiet-logger.ts';
import type { VaultOptions } from './vault-options.ts';

export type PruneOptions = VaultOptions & {
  readonly maxUnused?: number;
  readonly dryRun?: true;
  readonly yes?: true;
};

/** Shows what would go, asks, and removes it. */
export async function pruneVault(run: Run, options: PruneOptions): Promise<void> {
  const { dryRun = false, maxUnused } = options;
  await using repository = await openVault(run, options);
  const limits = maxUnused === undefined ? {} : { maxUnusedShare: maxUnused };
  const plan = await planPrune(repository, { ...limits, signal: run.signal });
  const isNothing = plan.bytes.freed === 0 && plan.rewritten.length === 0 && !plan.mergesIndex;
  if (dryRun || isNothing) {
    run.out.result({ dryRun, ...jsonOf(plan) }, () => (isNothing ? nothing(plan) : formatPlan(plan)));
    return;
  }
  run.out.note(formatPlan(plan));
  await confirm(run, 'Prune?', options);
  const done = await runPrune(run, repository, limits);
  run.out.result({ dryRun, ...jsonOf(done) }, () => `Freed ${formatBytes(done.bytes.freed)}.`);
}

/** Under its lock it plans anew; resolves with that plan. */
export async function runPrune(
  run: Run,
  repository: Repository,
  limits: { readonly maxUnusedShare?: number },
): Promise<PrunePlan> {
  using progress = new Progress(run.io, { label: 'Pruning', enabled: !run.out.json });
  const { plan, lackedRoom } = await prune(repository, {
    ...{ ...limits, signal: run.signal, logger: quietLogger(run) },
    onProgress: ({ phase, done, total }) =>
      total === 0 ? progress.text(phase) : progress.count(done, total),
  });
  if (lackedRoom)
    run.out.note('There was no room to move what is still used. Whole packs went; prune again.');
  return plan;
}

function formatPlan({ bytes, removed, orphaned, rewritten, young }: PrunePlan): string {
  return [
    `To free: ${formatBytes(bytes.freed)} of ${formatBytes(bytes.total)}. Packs to remove: ${removed.length + orphaned.length}; to write anew: ${rewritten.length} (${formatBytes(bytes.rewritten)}).`,
    ...(young.length === 0
      ? []
      : [`Too young to remove, though no index names them yet: ${plural(young.length, 'pack')}.`]),
  ].join('\n');
}

function nothing({ bytes, snapshots }: PrunePlan): string {
  const left =
    bytes.unusedLeft === 0 ? '' : `; ${formatBytes(bytes.unusedLeft)} of it unused, within --max-unused`;
  return `Nothing to prune: all of ${formatBytes(bytes.total)} is for ${plural(snapshots, 'snapshot')}${left}.`;
}

function jsonOf({ bytes, blobs, removed, orphaned, rewritten, young, snapshots }: PrunePlan): object {
  return {
    ...{ snapshots, bytes, blobs },
    packs: {
      ...{ removed: removed.length + orphaned.length, rewritten: rewritten.length, young: young.length },
    },
  };
}
