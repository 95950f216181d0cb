import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';

export type TreeMounts = {
  /** For bwrap, in order. */
  readonly mounts: readonly string[];
  /** Paths that are the image's. */
  readonly taken: readonly string[];
};

/** The machine's or a caller's own, whatever the image has there. */
const notTheImages = new Set(['dev', 'proc', 'sys', 'tmp', 'run']);
/** Where people work and configurations lie: image and machine share these, entry by entry. */
const shared = new Set(['etc', 'home', 'media', 'mnt', 'opt', 'root', 'srv', 'var']);
/** Beyond as many, a shared folder is the image's alone. */
const maxShared = 300;

/** Without these a network is of no use. */
const networkFiles = ['/etc/resolv.conf', '/etc/hosts'];

/** How a tree is seen as the root folder, read-only, and yet has room for folders of this machine. */
export async function treeMounts(tree: string): Promise<TreeMounts> {
  const mounts: string[] = [];
  const taken: string[] = [];
  const add = async (path: string, isLink: boolean): Promise<void> => {
    if (networkFiles.includes(path)) return;
    taken.push(path);
    mounts.push(
      ...(isLink
        ? ['--symlink', await readlink(join(tree, path)), path]
        : ['--ro-bind', join(tree, path), path]),
    );
  };
  for (const entry of await listed(tree)) {
    if (notTheImages.has(entry.name)) continue;
    const inner =
      shared.has(entry.name) && entry.isDirectory() ? await listed(join(tree, entry.name)) : undefined;
    if (inner === undefined || inner.length > maxShared) await add(`/${entry.name}`, entry.isSymbolicLink());
    else for (const child of inner) await add(`/${entry.name}/${child.name}`, child.isSymbolicLink());
  }
  const machine = ['--dev-bind', '/dev', '/dev', '--proc', '/proc', '--bind', '/tmp', '/tmp'];
  const network = networkFiles.flatMap((path) => ['--ro-bind-try', path, path]);
  return { mounts: ['--die-with-parent', ...mounts, ...machine, ...network], taken };
}

async function listed(folder: string) {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}
