import { SyncError } from '../../errors.ts';
import type { CallOptions } from '../backend/backend.ts';
import type { Snapshot } from '../format/snapshot-document.ts';
import type { Repository } from '../repository.ts';
import { planPacks, type PackPlan } from './plan-packs.ts';
import { usedBlobs } from './used-blobs.ts';

export type PruneLimits = {
  /** Of the bytes that stay, how much may be unused before packs are rewritten, 0 to 1; default 0.05, as restic. */
  readonly maxUnusedShare?: number;
  /**
   * Packs that no index names yet are left alone for so long after the store took them, in milliseconds; default a day. A snapshot
   * writes its packs before the index that names them, and one whose lock was taken for stale may still be at it. 0 takes them all; else
   * one of which the store does not say when it came stays.
   */
  readonly graceMs?: number;
  /** The store's clock now, in milliseconds since 1970; default ours. */
  readonly nowMs?: number;
};

export type PrunePlan = PackPlan & {
  readonly snapshots: number;
  /** The index files that were read, which a prune replaces. */
  readonly indexFiles: readonly string[];
  /** There are many small index files, and reading them costs more than writing them anew. */
  readonly mergesIndex: boolean;
};

const fewIndexFiles = 20;
/** Half of what one holds. */
const indexFileBlobs = 20_000;
const defaultGraceMs = 24 * 60 * 60_000;

/**
 * What a prune would do now; changes nothing. Reads every tree. Rejects with `damaged` when a snapshot, a tree or a blob that is needed
 * cannot be found whole, and with `stale` when a listed snapshot is not there: what they need is then unknown, and nothing may go.
 */
export async function planPrune(
  repository: Repository,
  { maxUnusedShare = 0.05, graceMs = defaultGraceMs, nowMs = Date.now(), signal }: PruneLimits & CallOptions,
): Promise<PrunePlan> {
  // Snapshots before the index, so that the index has what they name; packs last, so that those of the index are there.
  const snapshots = await everySnapshot(repository, { signal });
  const index = await repository.index({ signal });
  const used = await usedBlobs(
    repository,
    snapshots.map(({ document }) => document.tree),
    { signal },
  );
  const files = await repository.backend.list('data', { signal });
  const youngSinceMs = graceMs === 0 ? Infinity : nowMs - graceMs;
  const plan = planPacks({ packs: index.packs(), files, used, maxUnusedShare, youngSinceMs });
  refuseMissing(repository, plan);
  const mergesIndex = index.files.length > fewIndexFiles + index.blobCount / indexFileBlobs;
  return { ...plan, snapshots: snapshots.length, indexFiles: index.files, mergesIndex };
}

/**
 * All that are listed. One that a store hides for a moment, from a listing or by saying that it is not there, would lose what only it
 * needs: that rejects with `stale`. Nobody forgets any while the repository is held alone.
 */
async function everySnapshot(repository: Repository, { signal }: CallOptions): Promise<Snapshot[]> {
  const { backend } = repository;
  const listed = await backend.list('snapshots', { signal });
  const snapshots = await repository.snapshots({
    signal,
    onDamaged: (id, cause) => {
      throw damagedSnapshot(backend.location, id, cause);
    },
  });
  const read = new Set(snapshots.map(({ id }) => id));
  const hidden = listed.find(({ name }) => !read.has(name));
  if (!hidden) return snapshots;
  throw new SyncError(
    'stale',
    `Cannot prune ${backend.location}: it lists snapshot ${hidden.name}, then not`,
    {
      hint: 'Somebody forgot it just now, or the store answers wrongly. Try again, then look at the store.',
      transient: true,
    },
  );
}

function damagedSnapshot(location: string, id: string, cause: Error): SyncError {
  return new SyncError(
    'damaged',
    `Cannot prune ${location}: snapshot ${id} does not verify, and what it needs is unknown`,
    {
      hint: 'Look at it: holdfast vault check. To give it up: holdfast snapshot forget with its whole id; then prune again.',
      cause,
    },
  );
}

function refuseMissing({ backend }: Repository, { missing }: PackPlan): void {
  const [first] = missing;
  if (!first) return;
  const more = missing.length === 1 ? '' : `, and ${missing.length - 1} more`;
  throw new SyncError(
    'damaged',
    `Cannot prune ${backend.location}: snapshots need ${first.type} blob ${first.id}${more}, in no whole pack`,
    {
      hint: 'See what is affected: holdfast vault check. Then: holdfast vault repair index, and repair snapshots.',
    },
  );
}
