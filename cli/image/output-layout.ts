import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { SyncError } from '../../cloud-sync/errors.ts';
import { OciLayout } from '../../cloud-sync/oci/index.ts';
import { lockFolder } from '../../lib/folder-lock.ts';

export type OutputLayout = AsyncDisposable & { readonly layout: OciLayout };

/** The layout of `--out`, made when there is none, for this command alone. Rejects with `folderInUse`. */
export async function openOutputLayout(folder: string): Promise<OutputLayout> {
  const path = resolve(folder);
  await mkdir(path, { recursive: true });
  const lock = lockFolder(path);
  if (lock === undefined) {
    throw new SyncError('folderInUse', `Another command is writing to the layout ${path}`, {
      hint: 'Wait for it to end, or name another folder by --out.',
    });
  }
  try {
    const layout = await OciLayout.open(path);
    return {
      layout,
      [Symbol.asyncDispose]: () => {
        lock[Symbol.dispose]();
        return Promise.resolve();
      },
    };
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}
