import { makeFolder as makeAny } from '../../lib/make-folder.ts';
import { asDiskError } from './disk-errors.ts';

/** Makes a folder and those above it that are missing, durably and for this user alone. Rejects with `diskFull`. [G1] */
export async function makeFolder(path: string): Promise<void> {
  try {
    await makeAny(path, { mode: 0o700 });
  } catch (error) {
    throw asDiskError(error, path);
  }
}
