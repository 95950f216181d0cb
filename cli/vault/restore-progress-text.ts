import type { RestoreProgress } from '../../cloud-sync/vault/restore/restore-request.ts';
import { formatTransfer } from '../transfer-text.ts';

const phases: Readonly<Record<RestoreProgress['phase'], string>> = {
  planning: 'reading the trees',
  verifying: 'verifying what is there already',
  writing: '',
  finishing: 'syncing to disk',
};

/** The step, or while files are written how far it is. */
export function formatRestoreProgress(progress: RestoreProgress): string {
  const phase = phases[progress.phase];
  return phase === '' ? formatTransfer(progress) : phase;
}
