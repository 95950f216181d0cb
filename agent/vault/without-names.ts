import { SyncError } from '../../cloud-sync/errors.ts';
import { isCodedError } from '../../lib/coded-error.ts';
import { errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import { isTransient } from '../reconcile/failure.ts';

/**
 * A failure without the name of a file below `folder`: why a snapshot failed is told to the cloud, which knows no names [G7]. The
 * journal of the device has it whole.
 */
export function withoutNames(
  error: unknown,
  { folder, logger }: { readonly folder: string; readonly logger: Logger },
): unknown {
  const message = errorMessage(error);
  const at = message.indexOf(`${folder}/`);
  if (at === -1) return error;
  logger.error('vault.file.failed', { local: { message } });
  const told = `${message.slice(0, at).replace(/['"]$/, '')}a file of the volume`;
  const options = { transient: isTransient(error), hint: 'See which one on the device: holdfast logs.' };
  return isCodedError(error) && error instanceof SyncError
    ? new SyncError(error.code, told, options)
    : new SyncError('internal', told, options);
}
