import type { SnapshotOutcome } from '../../cloud-sync/vault/snapshot/snapshot-request.ts';
import type { Logger } from '../../lib/logger.ts';

/** Of the files that could not be read. */
const maxLogged = 10;

/** What a snapshot came to. Names of files stay on the device. [G7] */
export function logOutcome(
  logger: Logger,
  volume: string,
  { id, skipped, newBytes, storedBytes, durationMs, problems, problemCount }: SnapshotOutcome,
): void {
  const fields = { volume, snapshot: id, newBytes, storedBytes, durationMs: Math.round(durationMs) };
  if (skipped) logger.debug('vault.snapshot.unchanged', fields);
  else logger.info('vault.snapshot.taken', { ...fields, problems: problemCount });
  if (problemCount > 0)
    logger.warn('vault.snapshot.problems', {
      volume,
      snapshot: id,
      count: problemCount,
      local: { problems: problems.slice(0, maxLogged) },
    });
}
