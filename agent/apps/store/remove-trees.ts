import { existsSync, renameSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { removeTree } from '../../../cloud-sync/oci/layer/remove-tree.ts';
import { makingName, makingPrefix } from './store-folders.ts';

/** Removes what a killed process left half-made or half-removed. */
export async function sweepTrees(folder: string): Promise<void> {
  for (const name of await readdir(folder)) if (name.startsWith(makingPrefix)) removeTree(join(folder, name));
}

/** Folders in `images/`: they lose their name before anything of them goes. */
export async function removeTrees(folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const path = join(folder, name);
    if (existsSync(path)) renameSync(path, join(folder, makingName()));
  }
  await sweepTrees(folder);
}
