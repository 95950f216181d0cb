import { closeSync, openSync } from 'node:fs';
import { openPosix } from './posix.ts';

/**
 * Has what the disk holds of a file be read from now on. After a sync that failed, in this process or one before, the system may remember
 * bytes that never came there and call them written: who goes on behind such bytes, as SQLite does in its log, loses with them what a
 * later sync calls safe. [G1] To be called before the file is read. Nothing is done where the file cannot be opened or the system
 * cannot forget.
 */
export function forgetUnwritten(path: string): void {
  const file = tryOpen(path);
  if (file === undefined) return;
  try {
    openPosix()?.forgetCached(file);
  } finally {
    closeSync(file);
  }
}

/** Whoever reads the file says what is the matter with it. */
function tryOpen(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch {
    return undefined;
  }
}
