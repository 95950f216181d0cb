import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode } from '../../lib/error-code.ts';
import { SnapshotFloor } from '../../cloud-sync/vault/upkeep/floor.ts';
import type { Repository } from '../../cloud-sync/vault/repository.ts';
import type { Logger } from '../../lib/logger.ts';

export type ObserveOptions = {
  /** The file that remembers. */
  readonly file: string;
  readonly signal: AbortSignal;
  readonly logger: Logger;
};

/**
 * Rejects with `stale` when the store lists less than it did before. A snapshot file that does not verify is a matter for `check`
 * and must not keep new ones from being made: it counts as there, and the journal tells of it. One such file more, which anybody who
 * may write can add, hides nothing that is missing. Nor must a full disk here keep data from where there is room for it: what was seen
 * before is compared with, and what is new is remembered another time.
 */
export async function observeFloor(
  repository: Repository,
  { file, signal, logger }: ObserveOptions,
): Promise<SnapshotFloor> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const floor = await SnapshotFloor.open(file, repository.id);
  const damaged: string[] = [];
  const snapshots = await repository.snapshots({ signal, onDamaged: (id) => damaged.push(id) });
  if (damaged.length > 0) {
    logger.error('vault.snapshots.damaged', { snapshots: damaged.slice(0, 10), count: damaged.length });
  }
  const indexFiles = await repository.backend.list('index', { signal });
  const names = indexFiles.map(({ name }) => name);
  await floor.observe({ snapshots, indexFiles: names, damaged }).catch((error: unknown) => {
    if (errorCode(error) !== 'diskFull') throw error;
    logger.warn('vault.floor.unwritten', { file, error });
  });
  return floor;
}
