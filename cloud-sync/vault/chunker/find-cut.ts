import type { Gear } from './gear.ts';

/** Only the last chunk of a file is shorter. */
export const minChunkBytes = 512 * 1024;
export const maxChunkBytes = 8 * 1024 * 1024;
const averageChunkBytes = 1024 * 1024;

/**
 * Bits of the rolling hash that must be zero at a cut: one in 2^22 places before the average length and one in 2^18 after it, so that
 * lengths gather around the average ("normalized chunking"). The highest bits, for they depend on most bytes: the last 32.
 */
const shiftBefore = 32 - 22;
const shiftAfter = 32 - 18;

/**
 * FastCDC: where the chunk that begins at `start` ends. `end`: how far the bytes go, which is as far as the file goes or at least
 * `maxChunkBytes` beyond `start`. The same bytes after the same cut are cut alike wherever they lie: blobs are found again after an
 * insertion.
 */
export function findCut(gear: Gear, bytes: Uint8Array, start: number, end: number): number {
  if (end - start <= minChunkBytes) return end;
  const last = Math.min(end, start + maxChunkBytes);
  const middle = Math.min(last, start + averageChunkBytes);
  let hash = 0;
  let at = start + minChunkBytes;
  for (; at < middle; at += 1) {
    hash = ((hash << 1) + (gear[bytes[at] ?? 0] ?? 0)) | 0;
    if (hash >>> shiftBefore === 0) return at + 1;
  }
  for (; at < last; at += 1) {
    hash = ((hash << 1) + (gear[bytes[at] ?? 0] ?? 0)) | 0;
    if (hash >>> shiftAfter === 0) return at + 1;
  }
  return last;
}
