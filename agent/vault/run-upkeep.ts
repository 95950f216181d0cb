import type { Snapshot } from '../../cloud-sync/vault/format/snapshot-document.ts';
import type { CheckRequest } from '../../cloud-sync/vault/upkeep/check.ts';
import type { Keep } from '../../cloud-sync/vault/upkeep/retention.ts';
import type { UpkeepResult } from '../control/vault-protocol.ts';
import type { JobStep, VaultTask } from './job-protocol.ts';
import type { OpenTask } from './open-task.ts';

/** Of what is damaged; the count tells of all. */
const maxDamages = 1000;

/** Forgets, prunes or checks. Rejects with `forbidden` where this device may not delete. */
export async function runUpkeep(
  open: OpenTask,
  task: Extract<VaultTask, { kind: 'forget' | 'prune' | 'check' }>,
): Promise<UpkeepResult> {
  switch (task.kind) {
    case 'forget':
      return forget(open, task);
    case 'prune':
      return { did: 'prune', freedBytes: await pruneNow(open) };
    case 'check':
      return check(open, task.readData);
    default:
      return task satisfies never;
  }
}

async function forget(
  open: OpenTask,
  { volumes, prune }: Extract<VaultTask, { kind: 'forget' }>,
): Promise<UpkeepResult> {
  const { repository, access, floor, signal, logger, waitMs } = open;
  const [{ chooseKept }, { forgetSnapshots }] = await Promise.all([
    import('../../cloud-sync/vault/upkeep/retention.ts'),
    import('../../cloud-sync/vault/upkeep/forget.ts'),
  ]);
  // One that does not verify is of no volume and stays; the journal tells of it, and a prune refuses to go on.
  const all = await repository.snapshots({ signal, onDamaged: () => undefined });
  const groups = volumes.flatMap(({ recordedPath, keep }) =>
    chooseKept(snapshotsOf(all, access.device, recordedPath), definedOf(keep), Date.now()),
  );
  const snapshots = groups.flatMap(({ removed }) => removed.map(({ id }) => id));
  await floor.forget(snapshots);
  await forgetSnapshots(repository, { snapshots, signal, logger, waitMs });
  return {
    did: 'forget',
    kept: groups.reduce((sum, { kept }) => sum + kept.length, 0),
    forgotten: snapshots,
    freedBytes: prune && snapshots.length > 0 ? await pruneNow(open) : null,
  };
}

async function pruneNow({ repository, signal, logger, onStep, waitMs }: OpenTask): Promise<number> {
  const { prune } = await import('../../cloud-sync/vault/upkeep/prune.ts');
  const { plan } = await prune(repository, {
    ...{ signal, logger, waitMs },
    onProgress: ({ phase, done, total }) => onStep({ done, total, message: phase }),
  });
  return plan.bytes.freed;
}

async function check(
  { repository, signal, logger, onStep, waitMs }: OpenTask,
  readData: { readonly part: number; readonly of: number } | undefined,
): Promise<UpkeepResult> {
  const { checkRepository } = await import('../../cloud-sync/vault/upkeep/check.ts');
  const { damages, looked } = await checkRepository(repository, {
    ...{ signal, logger, waitMs },
    ...(readData && { readData }),
    onProgress: (progress) => onStep(stepOf(progress)),
  });
  return {
    did: 'check',
    snapshots: looked.snapshots,
    damage: damages.slice(0, maxDamages).map(({ kind, name, message }) => ({ kind, name, message })),
    damageCount: damages.length,
  };
}

/** Only this device's own: others may use the repository too. */
function snapshotsOf(all: readonly Snapshot[], hostname: string, recordedPath: string): Snapshot[] {
  return all.filter(
    ({ document }) =>
      document.hostname === hostname && document.paths.length === 1 && document.paths[0] === recordedPath,
  );
}

type CheckProgress = Parameters<NonNullable<CheckRequest['onProgress']>>[0];
type Loose<T> = { readonly [Key in keyof T]?: T[Key] | undefined };

function definedOf(keep: Loose<Keep>): Keep {
  return Object.fromEntries(Object.entries(keep).filter(([, value]) => value !== undefined));
}

function stepOf(progress: CheckProgress): JobStep {
  switch (progress.phase) {
    case 'listing':
      return { done: 0, total: null, message: progress.phase };
    case 'packs':
      return { done: progress.packs, total: progress.packsTotal, message: progress.phase };
    case 'trees':
      return { done: progress.trees, total: null, message: progress.phase };
    default:
      return progress satisfies never;
  }
}
