import { readFile, rm } from 'node:fs/promises';

/**
 * Removes the folder of a run that has ended. Refuses while anything is mounted below it in this process's sight, which no isolation
 * leaves behind: it would be somebody's data.
 */
export async function removeRunFolder(folder: string): Promise<void> {
  const mounts = await readFile('/proc/self/mounts', 'utf8').catch(() => '');
  if (mounts.includes(` ${escaped(folder)}/`)) throw new Error(`Something is mounted below ${folder}`);
  await rm(folder, { recursive: true, force: true });
}

/** proc(5): blanks and backslashes are octal there. */
function escaped(path: string): string {
  return path.replaceAll(/[\\ \t\n]/g, (found) => `\\${found.charCodeAt(0).toString(8).padStart(3, '0')}`);
}
