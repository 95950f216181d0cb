import { lstatSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode } from '../../../lib/error-code.ts';

/** As Linux bounds them (path_resolution(7)). */
const maxLinks = 40;

export type Place = {
  /** Absolute inside the tree, no part of it a link. */
  readonly path: string;
  readonly exists: boolean;
};

/**
 * Where a mount at `target` would come to lie for a program whose root folder is `tree`: links are followed inside it, what is not
 * there is taken as it is written. Undefined when links go in a circle. Synchronous: a start waits for a dozen of them.
 */
export function placeInTree(tree: string, target: string): Place | undefined {
  const open = partsOf(target);
  const found: string[] = [];
  let exists = true;
  let links = 0;
  for (let part = open.shift(); part !== undefined; part = open.shift()) {
    if (part === '..') {
      found.pop();
      continue;
    }
    const entry = entryAt(join(tree, ...found, part));
    if (entry.kind !== 'link') {
      found.push(part);
      exists = entry.kind === 'other';
      continue;
    }
    links += 1;
    if (links > maxLinks) return undefined;
    if (entry.target.startsWith('/')) found.length = 0;
    open.unshift(...partsOf(entry.target));
  }
  return { path: `/${found.join('/')}`, exists };
}

type Entry =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'other' }
  | { readonly kind: 'link'; readonly target: string };

function entryAt(path: string): Entry {
  try {
    if (!lstatSync(path).isSymbolicLink()) return { kind: 'other' };
    return { kind: 'link', target: readlinkSync(path) };
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return { kind: 'nothing' };
    throw error;
  }
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}
