import type { Snapshot } from '../format/snapshot-document.ts';
import { lockRepository } from '../upkeep/locks.ts';
import { ParentDamaged } from './earlier-snapshot.ts';
import { runSnapshot } from './run-snapshot.ts';
import type { SnapshotOutcome, SnapshotRequest } from './snapshot-request.ts';

/**
 * Takes a snapshot: packs, then their index, then the snapshot file are durable, in this order, and then the outcome names it. [G1]
 * What cannot be read is listed in the outcome. Rejects as the repository does, with `locked` while somebody removes from it, with
 * node's error for a folder that cannot be listed, with the signal's reason when that aborts: no snapshot names what was stored then, and an
 * index does where the store takes one within seconds.
 */
export async function takeSnapshot(request: SnapshotRequest): Promise<SnapshotOutcome> {
  const { repository, logger, signal } = request;
  await using lock = await lockRepository(repository, { exclusive: false, signal, logger });
  const held = { ...request, signal: AbortSignal.any([signal, lock.lost]) };
  const parent = await findParent(held);
  try {
    return await runSnapshot(held, { lock, parent, compared: parent });
  } catch (error) {
    if (!(error instanceof ParentDamaged)) throw error;
    logger.warn('snapshot.parent.damaged', { parent: parent?.id, error });
    return await runSnapshot(held, { lock, parent, compared: undefined });
  }
}

async function findParent(request: SnapshotRequest): Promise<Snapshot | undefined> {
  const { repository, parent, hostname, recordedPath, signal } = request;
  if (parent === 'none') return undefined;
  if (parent !== 'latest') return repository.findSnapshot(parent, { signal });
  const all = await repository.snapshots({ signal, onDamaged: () => undefined });
  return all.findLast(
    ({ document }) =>
      document.hostname === hostname && document.paths.length === 1 && document.paths[0] === recordedPath,
  );
}
