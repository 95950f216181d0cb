import { lstat, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../../lib/error-code.ts';

/** As Linux bounds them (path_resolution(7)). */
const maxLinks = 40;

/**
 * Where `path` leads for a program whose root folder is `tree`: absolute links begin at the tree, `..` ends there. The answer is a
 * path of this machine without links below `tree`; undefined when there is nothing, or links go in a circle.
 */
export async function resolveInTree(tree: string, path: string): Promise<string | undefined> {
  const open = partsOf(path);
  const found: string[] = [];
  let links = 0;
  for (let part = open.shift(); part !== undefined; part = open.shift()) {
    if (part === '..') {
      found.pop();
      continue;
    }
    const target = await linkAt(join(tree, ...found, part));
    if (target === undefined) return undefined;
    if (target === null) {
      found.push(part);
      continue;
    }
    links += 1;
    if (links > maxLinks) return undefined;
    if (target.startsWith('/')) found.length = 0;
    open.unshift(...partsOf(target));
  }
  return join(tree, ...found);
}

/** Of a symbolic link; null for anything else, undefined for nothing. */
async function linkAt(path: string): Promise<string | null | undefined> {
  try {
    return (await lstat(path)).isSymbolicLink() ? await readlink(path) : null;
  } catch (error) {
    const code = errorCode(error) ?? '';
    if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'EINVAL'].includes(code)) return undefined;
    throw error;
  }
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}
