import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, renameSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Posix } from '../../../lib/posix.ts';
import { syncFolder } from '../../../lib/atomic-write.ts';
import { replacedPrefix } from './store-folders.ts';

/** Everything in the folder is on disk when it returns. A failure is fatal. */
export function syncTrees(folder: string, posix: Posix | undefined): void {
  if (!posix) {
    execFileSync('sync', ['-f', '--', folder], { stdio: 'ignore' });
    return;
  }
  const descriptor = openSync(folder, 'r');
  try {
    posix.syncFileSystem(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Gives a tree that is on disk its name, durably. One that was there under it steps aside: something may run in it. */
export async function installTree(made: string, folder: string): Promise<void> {
  if (existsSync(folder)) {
    const aside = `${replacedPrefix}${basename(folder)}-${randomBytes(4).toString('hex')}`;
    renameSync(folder, join(dirname(folder), aside));
  }
  renameSync(made, folder);
  await syncFolder(dirname(folder));
}
