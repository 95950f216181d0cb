import type { Gear } from './gear.ts';

/** How long chunks are: only the last of a file is shorter than the least, and the average is a power of two. */
export type ChunkLengths = {
  readonly minBytes: number;
  readonly averageBytes: number;
  readonly maxBytes: number;
};

export type Cutting = ChunkLengths & { readonly gear: Gear };

/** Of a repository. */
export const blobLengths: ChunkLengths = {
  minBytes: 512 * 1024,
  averageBytes: 1024 * 1024,
  maxBytes: 8 * 1024 * 1024,
};

/**
 * Bits of the rolling hash that must be zero at a cut: four times as many places as the average length says go by before it, a quarter
 * after it, so that lengths gather around it ("normalized chunking"). The highest bits, for they depend on most bytes: the last 32.
 */
const normalizing = 2;

/**
 * FastCDC: where the chunk that begins at `start` ends. `end`: how far the bytes go, which is as far as the file goes or at least
 * `maxBytes` beyond `start`. The same bytes after the same cut are cut alike wherever they lie: chunks are found again after an
 * insertion.
 */
export function findCut(cutting: Cutting, bytes: Uint8Array, start: number, end: number): number {
  const { gear, minBytes, averageBytes, maxBytes } = cutting;
  if (end - start <= minBytes) return end;
  const last = Math.min(end, start + maxBytes);
  const middle = Math.min(last, start + averageBytes);
  const averageBits = Math.log2(averageBytes);
  const [shiftBefore, shiftAfter] = [32 - averageBits - normalizing, 32 - averageBits + normalizing];
  let hash = 0;
  let at = start + minBytes;
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
