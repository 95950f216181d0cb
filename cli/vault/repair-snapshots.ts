import {
  planSnapshotRepair,
  repairSnapshots,
  type SnapshotRepairPlan,
} from '../../cloud-sync/vault/upkeep/repair-snapshots.ts';
import { confirm } from '../confirm.ts';
import { plural } from '../plural.ts';
import { Progress } from '../progress.ts';
import type { Run } from '../run.ts';
import { formatAffected } from './affected-text.ts';
import { showInspection } from './inspect-progress.ts';
import { openVault } from './open-vault.ts';
import { quietLogger } from './quiet-logger.ts';
import { shortId, shortTime, subjectOf } from './snapshot-text.ts';
import type { RepairOptions } from './repair-index.ts';

export type RepairSnapshotsOptions = RepairOptions & { readonly forget?: true };

/** Shows what each damaged snapshot will lack, asks, and writes them anew. */
export async function repairVaultSnapshots(run: Run, options: RepairSnapshotsOptions): Promise<void> {
  const { signal } = run;
  const { readData = false, dryRun = false, forget: remove = false } = options;
  await using repository = await openVault(run, options);
  using progress = new Progress(run.io, { label: 'Reading', enabled: !run.out.json });
  const plan = await planSnapshotRepair(repository, {
    ...{ readData, signal },
    onProgress: showInspection(progress),
  });
  progress[Symbol.dispose]();
  const count = plan.repairable.length + plan.hopeless.length + plan.unreadable.length;
  if (dryRun || count === 0) {
    run.out.result({ dryRun, ...jsonOf(plan) }, () => formatPlan(plan));
    return;
  }
  run.out.note(formatPlan(plan));
  const question = remove ? 'Write them anew, and forget the damaged ones?' : 'Write them anew?';
  await confirm(run, question, options);
  const { repaired, removed } = await repairSnapshots(repository, {
    ...{ readData, remove, signal, logger: quietLogger(run) },
  });
  const result = { dryRun, ...jsonOf(plan), repaired: Object.fromEntries(repaired), removed };
  run.out.result(result, () =>
    [
      ...[...repaired].map(
        ([old, id]) => `Snapshot ${shortId(id)} stands for ${shortId(old)}, without what is lost.`,
      ),
      ...(removed.length === 0 ? [] : [`Forgot ${plural(removed.length, 'damaged snapshot')}.`]),
    ].join('\n'),
  );
}

function formatPlan({ repairable, hopeless, unreadable }: SnapshotRepairPlan): string {
  const lines = [
    ...formatAffected(repairable),
    ...hopeless.map(
      (snapshot) =>
        `Snapshot ${shortId(snapshot.id)} of ${subjectOf(snapshot)}, ${shortTime(snapshot.document.time)} UTC: nothing of it can be read.`,
    ),
    ...unreadable.map((id) => `Snapshot file ${shortId(id)} is damaged.`),
  ];
  return lines.length === 0 ? 'Every snapshot is whole: there is nothing to repair.' : lines.join('\n');
}

function jsonOf({ repairable, hopeless, unreadable }: SnapshotRepairPlan): object {
  return {
    repairable: repairable.map(({ snapshot, count, paths }) => ({ snapshot: snapshot.id, count, paths })),
    hopeless: hopeless.map(({ id }) => id),
    unreadable,
  };
}
