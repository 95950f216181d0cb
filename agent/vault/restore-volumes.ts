import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { SyncError } from '../../cloud-sync/errors.ts';
import type { Snapshot } from '../../cloud-sync/vault/format/snapshot-document.ts';
import type { Repository } from '../../cloud-sync/vault/repository.ts';
import { planRestore } from '../../cloud-sync/vault/restore/plan-restore.ts';
import { restoreSnapshot } from '../../cloud-sync/vault/restore/restore-snapshot.ts';
import type {
  RestoreOutcome,
  RestoreProblem,
  RestoreProgress,
} from '../../cloud-sync/vault/restore/restore-request.ts';
import { orderMs } from '../../cloud-sync/vault/upkeep/snapshot-moment.ts';
import { atomicWrite } from '../../lib/atomic-write.ts';
import type { Logger } from '../../lib/logger.ts';
import { recordedPathOf } from './recorded-path.ts';
import { noteRestored } from './restored-volumes.ts';

/** What would be given back to one volume. */
type VolumePlan = {
  readonly volume: string;
  readonly snapshot: string;
  /** RFC 3339, as the device said. */
  readonly time: string;
  readonly files: number;
  readonly bytes: number;
  readonly neededBytes: number;
  readonly freeBytes: number | null;
  /** An interrupted restore is gone on with, or has done this volume already. */
  readonly resumes: boolean;
};

export type DataPlan = {
  readonly repository: string;
  readonly volumes: readonly VolumePlan[];
  /** Volumes of the manifest of which there is no snapshot. */
  readonly without: readonly string[];
};

export type DataEvent =
  | { readonly kind: 'plan'; readonly plan: DataPlan }
  | { readonly kind: 'progress'; readonly volume: string; readonly progress: RestoreProgress }
  /** One that could not be given back whole. */
  | { readonly kind: 'problems'; readonly volume: string; readonly problems: readonly RestoreProblem[] };

export type RestoreVolumesRequest = {
  readonly root: string;
  readonly device: string;
  readonly repository: Repository;
  /** Names of those of the manifest. */
  readonly volumes: readonly string[];
  /** Which snapshot of a volume, as an id or the beginning of one; default the newest. */
  readonly chosen?: Readonly<Record<string, string>>;
  /** The newest that was not taken after this moment. */
  readonly at?: Date;
  /** Gives back what can be given back of a damaged snapshot. */
  readonly allowDamaged?: boolean;
  /** Called once the plan is known, before anything is written; the restore ends when it rejects. */
  readonly onPlan?: (plan: DataPlan) => Promise<void>;
  readonly onEvent: (event: DataEvent) => void;
  readonly logger: Logger;
  readonly signal: AbortSignal;
};

export type RestoredData = {
  readonly repository: string;
  readonly volumes: Readonly<
    Record<string, { snapshot: string; time: string; files: number; bytes: number; problems: number }>
  >;
  readonly without: readonly string[];
};

const doneSchema = z.record(z.string(), z.string());

/**
 * Gives volumes back what their snapshots hold, each staged, verified and put in place as a whole. [G8, G9] Called again with the
 * same choice it goes on where it was. Rejects with `damaged`, after all others were done, when a volume could not be given back
 * whole, unless `allowDamaged`.
 */
export async function restoreVolumes(request: RestoreVolumesRequest): Promise<RestoredData> {
  const { root, repository, onPlan, onEvent } = request;
  const done = await readDone(root);
  const { chosen, without } = await chooseSnapshots(request);
  const plan: DataPlan = {
    repository: repository.id,
    volumes: await planAll(request, chosen, done),
    without,
  };
  onEvent({ kind: 'plan', plan });
  await onPlan?.(plan);
  const volumes: Record<string, RestoredData['volumes'][string]> = {};
  const damaged: string[] = [];
  await mkdir(join(root, 'volumes'), { recursive: true, mode: 0o700 });
  for (const { volume, snapshot, time, files, bytes } of plan.volumes) {
    if (done[volume] === snapshot) {
      volumes[volume] = { snapshot, time, files, bytes, problems: 0 };
      continue;
    }
    const outcome = await restoreOne(request, volume, snapshot);
    if (!outcome.placed) damaged.push(describeDamage(volume, outcome));
    else {
      volumes[volume] = {
        snapshot,
        time,
        files: outcome.files,
        bytes: outcome.bytes,
        problems: outcome.problemCount,
      };
      const restored = new Date().toISOString();
      await noteRestored(root, { [volume]: { snapshot, taken: time, restored } });
      await writeDone(root, {
        ...done,
        ...Object.fromEntries(Object.entries(volumes).map(([name, one]) => [name, one.snapshot])),
      });
    }
  }
  if (damaged.length > 0) throw damagedError(damaged);
  return { repository: repository.id, volumes, without };
}

/** The restore is over: the next one begins anew. */
export async function forgetRestoring(root: string): Promise<void> {
  await rm(donePath(root), { force: true });
}

async function restoreOne(
  { root, repository, allowDamaged = false, onEvent, logger, signal }: RestoreVolumesRequest,
  volume: string,
  snapshot: string,
): Promise<RestoreOutcome> {
  const outcome = await restoreSnapshot({
    ...{ repository, snapshot, target: folderOf(root, volume), replace: true, allowDamaged, logger, signal },
    onProgress: (progress) => onEvent({ kind: 'progress', volume, progress }),
  });
  if (outcome.problemCount > 0) onEvent({ kind: 'problems', volume, problems: outcome.problems });
  return outcome;
}

type Chosen = { readonly volume: string; readonly snapshot: Snapshot };

async function chooseSnapshots({
  repository,
  device,
  volumes,
  chosen = {},
  at,
  logger,
  signal,
}: RestoreVolumesRequest): Promise<{ chosen: Chosen[]; without: string[] }> {
  const onDamaged = (id: string, error: Error): void =>
    logger.error('vault.snapshot.damaged', { snapshot: id, error });
  const nowMs = Date.now();
  const all = (await repository.snapshots({ signal, onDamaged })).map((one) => ({
    one,
    takenMs: orderMs(one, nowMs),
  }));
  all.sort((a, b) => a.takenMs - b.takenMs);
  const found = await Promise.all(
    volumes.map(async (volume) => {
      const wanted = Object.hasOwn(chosen, volume) ? chosen[volume] : undefined;
      if (wanted !== undefined)
        return { volume, snapshot: await repository.findSnapshot(wanted, { signal }) };
      const newest = all.findLast(
        ({ one, takenMs }) => isOf(one, device, volume) && (!at || takenMs <= at.getTime()),
      );
      return { volume, snapshot: newest?.one };
    }),
  );
  return {
    chosen: found.flatMap(({ volume, snapshot }) => (snapshot ? [{ volume, snapshot }] : [])),
    without: found.flatMap(({ volume, snapshot }) => (snapshot ? [] : [volume])),
  };
}

function isOf({ document }: Snapshot, device: string, volume: string): boolean {
  return (
    document.hostname === device &&
    document.paths.length === 1 &&
    document.paths[0] === recordedPathOf(volume)
  );
}

async function planAll(
  { root, repository, signal }: RestoreVolumesRequest,
  chosen: readonly Chosen[],
  done: Readonly<Record<string, string>>,
): Promise<VolumePlan[]> {
  const plans: VolumePlan[] = [];
  await mkdir(join(root, 'volumes'), { recursive: true, mode: 0o700 });
  for (const { volume, snapshot } of chosen) {
    const target = folderOf(root, volume);
    const { files, bytes, neededBytes, freeBytes, isResumable } = await planRestore(
      repository,
      { snapshot: snapshot.id, target },
      { signal },
    );
    const resumes = isResumable || done[volume] === snapshot.id;
    const { time } = snapshot.document;
    plans.push({ ...{ volume, snapshot: snapshot.id, time, files, bytes, neededBytes, freeBytes, resumes } });
  }
  return plans;
}

function describeDamage(volume: string, { snapshot, problems }: RestoreOutcome): string {
  const paths = problems.filter(({ code }) => code !== 'attribute').map(({ path }) => path);
  const shown = paths.slice(0, 5).join(', ');
  const more = paths.length > 5 ? ` and ${paths.length - 5} more` : '';
  return `${volume} (snapshot ${snapshot.slice(0, 8)}) without ${shown}${more}`;
}

function damagedError(damaged: readonly string[]): SyncError {
  return new SyncError('damaged', `Not every volume could be given back whole: ${damaged.join('; ')}`, {
    hint: 'Choose an older snapshot by --at, or take what is whole by --allow-damaged. Volumes that are whole are in place already.',
  });
}

async function readDone(root: string): Promise<Readonly<Record<string, string>>> {
  try {
    return doneSchema.parse(JSON.parse(await readFile(donePath(root), 'utf8')));
  } catch {
    // Without it a volume that was done is done once more.
    return {};
  }
}

async function writeDone(root: string, done: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(join(root, 'vault'), { recursive: true, mode: 0o700 });
  await atomicWrite(donePath(root), JSON.stringify(done));
}

/** Volumes that are in place, and the snapshot that each was given back from. */
function donePath(root: string): string {
  return join(root, 'vault', 'restoring.json');
}

function folderOf(root: string, volume: string): string {
  return join(root, 'volumes', volume);
}
