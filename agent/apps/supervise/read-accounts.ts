import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { resolveInTree } from '../resolve-in-tree.ts';
import type { Accounts } from './find-user.ts';

/** More of an `/etc/passwd` is not looked at. */
const maxBytes = 2 ** 20;

/** The accounts of a tree: of an image, or of the machine with `/`. No link leads out of it. */
export async function readAccounts(tree: string): Promise<Accounts> {
  return { passwd: await readInside(tree, 'etc/passwd'), group: await readInside(tree, 'etc/group') };
}

async function readInside(tree: string, path: string): Promise<string> {
  const found = await resolveInTree(tree, path);
  if (found === undefined) return '';
  // An image may have a fifo there: it is not waited for.
  await using file = await open(found, constants.O_RDONLY | constants.O_NONBLOCK);
  if (!(await file.stat()).isFile()) return '';
  const { buffer, bytesRead } = await file.read(Buffer.alloc(maxBytes), 0, maxBytes, 0);
  return buffer.toString('utf8', 0, bytesRead);
}
