import { silentLogger } from '../../../lib/logger.ts';
import { SyncError } from '../../errors.ts';
import type { CallOptions } from '../backend/backend.ts';
import type { BlobId } from '../format/blob-id.ts';
import type { Snapshot, SnapshotDocument } from '../format/snapshot-document.ts';
import type { Repository } from '../repository.ts';
import { explainForbidden, requireRemoval } from './add-only-store.ts';
import { affectedSnapshots, type AffectedSnapshot } from './affected-paths.ts';
import { inspectRepository, type Inspection, type InspectOptions } from './inspect.ts';
import { lockRepository } from './locks.ts';
import type { RepairRequest } from './repair-index.ts';
import { TreeRewriter } from './tree-rewriter.ts';

export type SnapshotRepairPlan = {
  /** Those that are written anew, each with what it will lack. */
  readonly repairable: readonly AffectedSnapshot[];
  /** Nothing of them can be read: their root is lost. */
  readonly hopeless: readonly Snapshot[];
  /** Files of snapshots that do not verify. */
  readonly unreadable: readonly string[];
};

export type SnapshotRepairOutcome = {
  readonly plan: SnapshotRepairPlan;
  /** Ids of the damaged ones, each with that of what stands for it. */
  readonly repaired: ReadonlyMap<string, string>;
  /** Ids; empty unless they were to be removed. */
  readonly removed: readonly string[];
};

const maxPaths = 100_000;

/** What `repairSnapshots` would do now; changes nothing. To be made after the index was repaired: what it lacks counts as lost. */
export async function planSnapshotRepair(
  repository: Repository,
  options: InspectOptions,
): Promise<SnapshotRepairPlan> {
  return planOf(await inspectRepository(repository, options));
}

/**
 * Writes each damaged snapshot anew without the files and folders that are lost, with the time and all else it says, and `original`
 * naming it. The damaged ones stay, unless `remove`: then they go once the new ones are durable, with those of which nothing can be
 * read. Alone in the repository. Rejects with `locked`; `damaged` while index files do not verify; `forbidden` before anything is
 * written when the store does not let go of what is to be removed.
 */
export async function repairSnapshots(
  repository: Repository,
  request: RepairRequest & { readonly remove?: boolean },
): Promise<SnapshotRepairOutcome> {
  const { waitMs, now, logger = silentLogger, remove = false, ...options } = request;
  await using lock = await lockRepository(repository, {
    ...{ exclusive: true, signal: request.signal, logger },
    ...(waitMs !== undefined && { waitMs }),
    ...(now && { now }),
  });
  const signal = AbortSignal.any([request.signal, lock.lost]);
  if (remove) await requireRemoval(repository, 'remove damaged snapshots from', { signal });
  const inspection = await inspectRepository(repository, { ...options, signal });
  refuseDamagedIndex(repository, inspection);
  const plan = planOf(inspection);
  const repaired = await rewriteAll(repository, { plan, inspection, signal });
  const hopeless = plan.hopeless.map(({ id }) => id);
  const removed = remove ? [...repaired.keys(), ...hopeless, ...plan.unreadable] : [];
  await explainForbidden(repository, 'remove damaged snapshots from', async () => {
    for (const id of removed) {
      lock.assertHeld();
      await repository.backend.remove('snapshots', id, { signal });
    }
  });
  logger.info('vault.snapshotsRepaired', { repaired: repaired.size, removed: removed.length });
  return { plan, repaired, removed };
}

type Rewriting = CallOptions & { readonly plan: SnapshotRepairPlan; readonly inspection: Inspection };

/** What an earlier repair wrote already is not written again. */
async function rewriteAll(
  repository: Repository,
  { plan, inspection, signal }: Rewriting,
): Promise<Map<string, string>> {
  const rewriter = new TreeRewriter(repository, inspection, { signal });
  const trees = new Map<string, BlobId>();
  for (const { snapshot } of plan.repairable) {
    trees.set(snapshot.id, await rewriter.rewrite(snapshot.document.tree));
  }
  await rewriter.finish();
  const repaired = new Map<string, string>();
  for (const { snapshot } of plan.repairable) {
    const { id, document } = snapshot;
    const written = { ...document, tree: trees.get(id) ?? document.tree, original: document.original ?? id };
    const known = inspection.survey.snapshots.find((other) => isSame(other.document, written));
    repaired.set(id, known?.id ?? (await repository.addSnapshot(written, { signal })));
  }
  return repaired;
}

function isSame(one: SnapshotDocument, other: SnapshotDocument): boolean {
  return one.tree === other.tree && one.original === other.original && one.time === other.time;
}

function planOf({ survey, trees }: Inspection): SnapshotRepairPlan {
  const affected = affectedSnapshots(survey.snapshots, trees, maxPaths);
  const isHopeless = ({ snapshot }: AffectedSnapshot) => trees.unreadable.has(snapshot.document.tree);
  return {
    repairable: affected.filter((each) => !isHopeless(each)),
    hopeless: affected.filter(isHopeless).map(({ snapshot }) => snapshot),
    unreadable: survey.damages.filter(({ kind }) => kind === 'snapshot').map(({ name }) => name),
  };
}

/** What they name would count as lost, although it may be there. */
function refuseDamagedIndex({ backend }: Repository, { survey }: Inspection): void {
  const damaged = survey.damages.find(({ kind }) => kind === 'index');
  if (!damaged) return;
  throw new SyncError(
    'damaged',
    `Cannot repair snapshots in ${backend.location}: index file ${damaged.name} is damaged`,
    {
      hint: 'Repair the index first: holdfast vault repair index.',
    },
  );
}
