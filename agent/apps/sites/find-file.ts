import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { resolveInTree } from '../resolve-in-tree.ts';
import type { Coding } from './accept-encoding.ts';
import type { Site } from './site.ts';

export type SiteFile = {
  /** On this machine, without links. */
  readonly path: string;
  /** What was asked for, below the site: its name says the type. */
  readonly name: string;
  readonly size: number;
  readonly mtimeMs: number;
};

export type Found =
  | { readonly kind: 'file'; readonly file: SiteFile }
  /** A folder is named with a slash at its end, so that its pages' own links lead on. */
  | { readonly kind: 'folder' }
  | { readonly kind: 'nothing' };

/** `path`: below the site, decoded, without a slash at its front. A path that ends in one means the folder's `index.html`. */
export async function findFile(site: Site, path: string): Promise<Found> {
  const parts = path.split('/');
  const isFolder = parts.at(-1) === '';
  if (parts.slice(0, -1).includes('') || parts.some((part) => part === '.' || part === '..')) return nothing;
  const file = await fileAt(site, isFolder ? `${path}index.html` : path);
  if (file) return { kind: 'file', file };
  return !isFolder && (await fileAt(site, `${path}/index.html`)) ? { kind: 'folder' } : nothing;
}

const nothing: Found = { kind: 'nothing' };

/** The page for what is not there, if the site has one. */
export function missingPage(site: Site): Promise<SiteFile | undefined> {
  return fileAt(site, '404.html');
}

const endings: Readonly<Record<Coding, string>> = { br: '.br', zstd: '.zst', gzip: '.gz' };

/** The same file compressed by its author, beside it. */
export function compressedSibling(
  site: Site,
  { name }: SiteFile,
  coding: Coding,
): Promise<SiteFile | undefined> {
  return fileAt(site, `${name}${endings[coding]}`);
}

/** Links are followed as a program in the image would, and so never out of it. */
async function fileAt({ rootfs, folder }: Site, name: string): Promise<SiteFile | undefined> {
  const path = await resolveInTree(rootfs, join(folder, name));
  const found = path === undefined ? undefined : await lstat(path).catch(() => undefined);
  if (path === undefined || !found?.isFile()) return undefined;
  return { path, name, size: found.size, mtimeMs: found.mtimeMs };
}
