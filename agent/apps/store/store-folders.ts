import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Digest } from '../../../lib/digest.ts';

/**
 * `images/` has one folder a chain of layers, named by the hexadecimal digits of its id:
 *
 *     rootfs/      the tree
 *     tree.json    facts of it
 *     entries.zst  what is in it, one line an entry
 *
 * What is being made begins with `.making-`; a tree that was found damaged and was replaced while something may have run in it, with
 * `.replaced-`.
 */
export const makingPrefix = '.making-';
export const replacedPrefix = '.replaced-';

/** Longer than any name a tree has later, so that a path that can be made in it is too long nowhere. */
export function makingName(): string {
  return `${makingPrefix}${randomBytes(38).toString('hex')}`;
}

export function treeName(chainId: Digest): string {
  return chainId.slice('sha256:'.length);
}

export function isTreeName(name: string): boolean {
  return /^[0-9a-f]{64}$/.test(name);
}

export function rootfsOf(treeFolder: string): string {
  return join(treeFolder, 'rootfs');
}
