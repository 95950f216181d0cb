import { join } from 'node:path';
import { recoverTargets } from '../../cloud-sync/vault/restore/staging.ts';
import type { Logger } from '../../lib/logger.ts';

/**
 * Puts volumes back whose restore a crash cut short in its last step. To be called before anybody takes one that waits for it for one that
 * has never been. What cannot be done is logged: the device goes on. [G4]
 */
export async function recoverVolumes(root: string, logger: Logger): Promise<void> {
  const failed = (folder: string, error: unknown): void =>
    logger.error('volume.recover.failed', { folder, error });
  const volumes = join(root, 'volumes');
  try {
    for (const volume of await recoverTargets(volumes, failed))
      logger.warn('volume.recovered', { volume, reason: 'a restore of it was cut short' });
  } catch (error) {
    failed(volumes, error);
  }
}
