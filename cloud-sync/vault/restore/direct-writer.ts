import { closeSync, writeSync } from 'node:fs';
import { directBlockBytes, directFlag, refusesDirect } from '../../../lib/direct-access.ts';
import { openDirectMemory } from '../direct-memory.ts';
import type { DataRun } from './data-runs.ts';

/** Below this the disk takes longer to answer than the system to copy. */
const leastBytes = 64 * 1024;
const pieceBytes = 4 * 1024 * 1024;
const nothing: DataRun = { start: 0, end: 0 };

/**
 * Has the disk take most of large pieces of files without the system's memory for files: nobody reads them now, and to find memory for
 * a whole machine costs much of a restore. Of the files of one file system, on one thread: all pieces go through one stretch
 * of memory that begins as the disk needs it.
 */
export class DirectWriter {
  #memory: Buffer | undefined;
  #isRefused = directFlag === undefined;

  /**
   * Which of `bytes`, which go to `position` of the file, the disk took; the caller writes the others. Whole blocks of the file at most,
   * nothing where that cannot be done. `open`: the file for writing, with this flag besides. Not durable before the file is synced.
   */
  write(open: (flag: number) => number, bytes: Uint8Array, position: number): DataRun {
    const start = (directBlockBytes - (position % directBlockBytes)) % directBlockBytes;
    const end = bytes.length - ((bytes.length - start) % directBlockBytes);
    if (this.#isRefused || end - start < leastBytes) return nothing;
    try {
      return { start, end: this.#writeBlocks(open, bytes.subarray(0, end), start, position) };
    } catch (error) {
      if (!refusesDirect(error)) throw error;
      this.#isRefused = true;
      return nothing;
    }
  }

  /** Returns where it ended: early where the disk took less than it was given, which the caller's own write finds the reason of. */
  #writeBlocks(open: (flag: number) => number, bytes: Uint8Array, start: number, position: number): number {
    const memory = (this.#memory ??= openDirectMemory()(pieceBytes));
    const file = open(directFlag ?? 0);
    try {
      for (let at = start; at < bytes.length;) {
        const piece = bytes.subarray(at, at + pieceBytes);
        memory.set(piece);
        const written = writeSync(file, memory, 0, piece.length, position + at);
        if (written < piece.length) return at + written - (written % directBlockBytes);
        at += written;
      }
      return bytes.length;
    } finally {
      closeSync(file);
    }
  }
}
