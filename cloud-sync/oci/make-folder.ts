import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '../../lib/atomic-write.ts';
import { asDiskError } from './disk-errors.ts';

/** Makes a folder and those above it that are missing, durably. [G1] */
export async function makeFolder(path: string): Promise<void> {
  try {
    const first = await mkdir(path, { recursive: true, mode: 0o700 });
    if (first === undefined) return;
    const top = dirname(first);
    for (let folder = path; folder !== top;) {
      folder = dirname(folder);
      await syncFolder(folder);
    }
  } catch (error) {
    throw asDiskError(error, path);
  }
}
