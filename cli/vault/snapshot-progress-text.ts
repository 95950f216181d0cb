import type { SnapshotProgress } from '../../cloud-sync/vault/snapshot/snapshot-request.ts';
import { formatBytes } from '../progress.ts';
import { formatTransfer } from '../transfer-text.ts';

/** How far the reading is; behind a slow link the storing still goes on when all is read. */
export function formatSnapshotProgress(progress: SnapshotProgress): string {
  const { bytesDone, bytesTotal, filesDone, filesTotal, bytesAdded } = progress;
  const isRead = bytesTotal !== null && bytesDone >= bytesTotal && filesDone >= (filesTotal ?? Infinity);
  return isRead && bytesTotal > 0
    ? `all read; ${formatBytes(bytesAdded)} stored so far`
    : formatTransfer(progress);
}
