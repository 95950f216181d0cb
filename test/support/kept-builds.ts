import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';

/** Of a build that is going on, perhaps another worker's. */
const prefix = 'unfinished-';
/** A run of all tests takes less, and asks anew in each of its suites. */
const unusedMs = 3_600_000;

/**
 * The folder `name` in `builds`, filled by `make` unless it is there. Other builds go when nobody has asked for them for an hour: another
 * run of the tests may be at work with them, from before a source changed.
 */
export function keptBuild(builds: string, name: string, make: (folder: string) => void): string {
  const folder = join(builds, name);
  if (isThere(folder)) return folder;
  mkdirSync(builds, { recursive: true });
  removeUnused(builds);
  const unfinished = mkdtempSync(join(builds, prefix));
  make(unfinished);
  try {
    renameSync(unfinished, folder);
  } catch (error) {
    // Another worker was quicker.
    if (!isThere(folder)) throw error;
    rmSync(unfinished, { recursive: true });
  }
  return folder;
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
    const folder = join(builds, name);
    // Another worker may have removed it.
    const usedMs = statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (Date.now() - usedMs > unusedMs) rmSync(folder, { recursive: true, force: true });
  }
}
