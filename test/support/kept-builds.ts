import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { lockFolder } from '../../lib/folder-lock.ts';

/** Of a build that is going on, or was when it was killed. */
const prefix = 'unfinished-';
/** Beside the builds: who makes one holds it. */
const lockName = '.lock';
const lookEveryMs = 50;
/** A run of all tests takes less, and asks anew in each of its suites. */
const unusedMs = 3_600_000;

/**
 * The folder `name` in `builds`, filled by `make` unless it is there. Of workers that want one at the same time the first makes it, and the
 * others wait: each has a processor's work to do with it, and would take it from the first. Other builds go when nobody has asked for them for an hour: another
 * run of the tests may be at work with them, from before a source changed.
 */
export function keptBuild(builds: string, name: string, make: (folder: string) => void): string {
  const folder = join(builds, name);
  if (isThere(folder)) return folder;
  mkdirSync(builds, { recursive: true });
  using _lock = waitForLock(builds);
  // Another worker made it meanwhile.
  if (isThere(folder)) return folder;
  removeUnused(builds);
  const unfinished = mkdtempSync(join(builds, prefix));
  make(unfinished);
  renameSync(unfinished, folder);
  return folder;
}

/** Blocks the thread, as making one does. */
function waitForLock(builds: string): Disposable {
  const nobody = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    const lock = lockFolder(builds);
    if (lock) return lock;
    Atomics.wait(nobody, 0, 0, lookEveryMs);
  }
}

/** Marks it as used now if it is. */
function isThere(folder: string): boolean {
  const now = new Date();
  try {
    utimesSync(folder, now, now);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return false;
  }
}

function removeUnused(builds: string): void {
  for (const name of readdirSync(builds)) {
    if (name.startsWith(lockName)) continue;
    const folder = join(builds, name);
    const usedMs = statSync(folder).mtimeMs;
    if (Date.now() - usedMs > unusedMs) rmSync(folder, { recursive: true, force: true });
  }
}
