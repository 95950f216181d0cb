import { silentLogger, type Logger } from '../../../lib/logger.ts';
import type { CallOptions } from '../backend/backend.ts';
import type { Repository } from '../repository.ts';
import { explainForbidden } from './add-only-store.ts';
import { lockRepository } from './locks.ts';

export type ForgetRequest = CallOptions & {
  /** Ids of snapshots; one that is not there is no error. */
  readonly snapshots: readonly string[];
  /** How long to wait for others to let go of the repository, in milliseconds; default 0. */
  readonly waitMs?: number;
  readonly now?: () => Date;
  readonly logger?: Logger;
};

/**
 * Removes snapshot files, alone in the repository; what only they needed goes with the next `prune`. `chooseKept` is the plan for it.
 * Rejects with `locked`, and with `forbidden` when the store does not let go of files.
 */
export async function forgetSnapshots(repository: Repository, request: ForgetRequest): Promise<void> {
  const { snapshots, waitMs, now, logger = silentLogger } = request;
  if (snapshots.length === 0) return;
  await using lock = await lockRepository(repository, {
    ...{ exclusive: true, signal: request.signal, logger },
    ...(waitMs !== undefined && { waitMs }),
    ...(now && { now }),
  });
  const signal = AbortSignal.any([request.signal, lock.lost]);
  await explainForbidden(repository, 'forget snapshots in', async () => {
    for (const id of snapshots) {
      lock.assertHeld();
      await repository.backend.remove('snapshots', id, { signal });
      logger.info('vault.forgot', { snapshot: id });
    }
  });
}
