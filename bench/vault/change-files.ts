import { lstat, open } from 'node:fs/promises';

const share = 100;

/**
 * Changes every hundredth of `files`, spread over the tree, others in each round: one is made longer, the next gets other bytes in its
 * middle. The same for the same files and round. Resolves with how many were changed.
 */
export async function changeFiles(files: readonly string[], round: number): Promise<number> {
  const chosen = files.filter((_, index) => index % share === round % share);
  for (const [index, path] of chosen.entries()) {
    const text = `changed in round ${round}, the ${index}th\n`;
    const { size } = await lstat(path);
    const file = await open(path, 'r+');
    try {
      await file.write(text, index % 2 === 0 ? size : Math.floor(size / 2));
    } finally {
      await file.close();
    }
  }
  return chosen.length;
}
