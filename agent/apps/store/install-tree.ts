import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, renameSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Posix } from '../../../lib/posix.ts';
import { syncFolder } from '../../../lib/atomic-write.ts';
import { replacedPrefix } from './store-folders.ts';

export type TreeSync = Disposable & {
  /** Everything that was written to the folder since it was opened is on disk when it returns. A failure is fatal. */
  sync(): void;
};

/**
 * To be opened before the first write: the system tells of a loss once to each who has a file open by then, and not to those who open one
 * when it was told to another. The program `sync`, which serves where there is no `posix`, opens one late.
 */
export function openTreeSync(folder: string, posix: Posix | undefined): TreeSync {
  const descriptor = openSync(folder, 'r');
  return {
    sync: () => {
      if (posix) posix.syncFileSystem(descriptor);
      else execFileSync('sync', ['-f', '--', folder], { stdio: 'ignore' });
    },
    [Symbol.dispose]: () => closeSync(descriptor),
  };
}

/**
 * Gives a tree that is on disk its name, durably. One that was there under it steps aside: something may run in it. Where the name may not
 * last it goes again: whoever looks for the tree next is to make it once more.
 */
export async function installTree(made: string, folder: string): Promise<void> {
  if (existsSync(folder)) {
    const aside = `${replacedPrefix}${basename(folder)}-${randomBytes(4).toString('hex')}`;
    renameSync(folder, join(dirname(folder), aside));
  }
  renameSync(made, folder);
  try {
    await syncFolder(dirname(folder));
  } catch (error) {
    renameSync(folder, made);
    throw error;
  }
}
