import { lstat, opendir, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode } from '../../lib/error-code.ts';
import type { FileStat } from '../streams/trigger-operations.ts';

export type Walked = {
  /** By path relative to the folder, with `/`. */
  readonly files: Map<string, FileStat>;
  /** There are more files, or deeper ones, than are looked at. */
  readonly isTruncated: boolean;
};

export type WalkOptions = {
  readonly maxFiles: number;
  readonly signal: AbortSignal;
  /** Before a folder is read; its path is relative, '' for the first. */
  readonly onFolder?: (path: string) => Promise<void>;
};

const maxDepth = 64;
/** Folders, links and other things are passed by, but not without end. */
const entriesPerFile = 4;

/**
 * The regular files below a folder, at most `maxFiles`. Links are not followed, nor counted. What vanishes meanwhile or may
 * not be read is left out. Rejects when the folder itself cannot be read, or with the signal's reason.
 */
export async function walkFiles(
  folder: string,
  { maxFiles, signal, onFolder }: WalkOptions,
): Promise<Walked> {
  const files = new Map<string, FileStat>();
  let isTruncated = false;
  let entries = 0;
  const visit = async (path: string, depth: number): Promise<void> => {
    await onFolder?.(path);
    for await (const entry of await opendir(join(folder, path))) {
      signal.throwIfAborted();
      entries++;
      if (files.size >= maxFiles || entries > maxFiles * entriesPerFile) isTruncated = true;
      if (isTruncated) return;
      const inside = path === '' ? entry.name : `${path}/${entry.name}`;
      if (entry.isDirectory()) {
        if (depth === maxDepth) isTruncated = true;
        else await visit(inside, depth + 1).catch(ignoreUnreadable);
      } else if (entry.isFile()) {
        const stat = await statFile(join(folder, inside));
        if (stat) files.set(inside, stat);
      }
    }
  };
  await visit('', 1);
  return { files, isTruncated };
}

/** What is at a path without following a link there: a regular file, or else undefined or 'folder'. */
export async function lookAt(path: string): Promise<FileStat | 'folder' | undefined> {
  const found = await lstat(path).catch(ignoreUnreadable);
  if (found?.isDirectory()) return 'folder';
  if (!found?.isFile()) return undefined;
  return { size: found.size, modified: found.mtimeMs, inode: found.ino };
}

/** No part of the way to it is a link: a volume ends where it ends. */
export async function isInside(root: string, path: string): Promise<boolean> {
  const parent = join(root, dirname(path));
  try {
    return (await realpath(parent)) === parent;
  } catch {
    return false;
  }
}

export function sameStat(one: FileStat, other: FileStat): boolean {
  return one.size === other.size && one.modified === other.modified && one.inode === other.inode;
}

async function statFile(path: string): Promise<FileStat | undefined> {
  const found = await lookAt(path);
  return found === 'folder' ? undefined : found;
}

const unreadable = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ELOOP', 'ENAMETOOLONG']);

function ignoreUnreadable(error: unknown): undefined {
  if (unreadable.has(errorCode(error) ?? '')) return undefined;
  throw error;
}
