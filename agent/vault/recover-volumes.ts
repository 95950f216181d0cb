import { join } from 'node:path';
import { recoverTargets } from '../../cloud-sync/vault/restore/staging.ts';
import type { Logger } from '../../lib/logger.ts';

/**
 * Ends restores of volumes that a crash cut short in their last step. To be called before anybody takes a volume that waits to be put
 * back for one that has never been.
 */
export async function recoverVolumes(root: string, logger: Logger): Promise<void> {
  const failed = (volume: string, error: unknown): void =>
    logger.error('volume.recover.failed', { volume, error });
  for (const volume of await recoverTargets(join(root, 'volumes'), failed))
    logger.warn('volume.recovered', { volume, reason: 'a restore of it was cut short' });
}
