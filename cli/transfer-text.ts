import { formatDuration } from './duration-text.ts';
import { grouped } from './grouped.ts';
import { plural } from './plural.ts';
import { formatBytes } from './progress.ts';

export type Transfer = {
  readonly filesDone: number;
  readonly bytesDone: number;
  /** Null while nobody knows yet. */
  readonly filesTotal: number | null;
  readonly bytesTotal: number | null;
  readonly bytesPerSecond: number;
  readonly remainingMs: number | null;
};

const barColumns = 12;

/** A bar with rate and time left. What a narrow terminal cuts off is what a person misses least. */
export function formatTransfer(transfer: Transfer): string {
  const { filesDone, bytesDone, filesTotal, bytesTotal, bytesPerSecond, remainingMs } = transfer;
  const rate = `${formatBytes(Math.round(bytesPerSecond))}/s`;
  if (bytesTotal === null || filesTotal === null)
    return [formatBytes(bytesDone), plural(filesDone, 'file'), rate].join('  ');
  const share = bytesTotal <= 0 ? 1 : Math.min(1, bytesDone / bytesTotal);
  const filled = Math.round(share * barColumns);
  return [
    `${'█'.repeat(filled)}${'░'.repeat(barColumns - filled)} ${String(Math.floor(share * 100)).padStart(3)} %`,
    ...(remainingMs === null ? [] : [`${formatDuration(remainingMs)} left`]),
    rate,
    `${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}`,
    `${grouped(filesDone)} of ${plural(filesTotal, 'file')}`,
  ].join('  ');
}
