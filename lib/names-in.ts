import { readdir } from 'node:fs/promises';
import { errorCode } from './error-code.ts';

/** Names of what is in a folder, in the system's order; none when it is not there. Rejects with node's error for any other reason. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}
