import {
  chmodSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { AgentError } from '../../errors.ts';
import { placeInTree, type Place } from './place-in-tree.ts';

export type MountPoint = { readonly target: string; readonly kind: 'folder' | 'file' };
type TreeBind = { readonly source: string; readonly target: string };

export type RootFolder = {
  /** Becomes `/` inside, read-only. */
  readonly path: string;
  /** Of entries of the tree, read-only, in order, before all other mounts. */
  readonly binds: readonly TreeBind[];
  /** Where each mount point really lies inside. */
  readonly placeOf: (target: string) => string;
};

/** Binds of a folder that has to be taken apart: each is a mount. */
const maxBinds = 500;

/**
 * A root folder that has every mount point. The tree itself is never written to, so one that lacks some is put together anew in
 * `folder`: the folders on the way to them are made, and everything else of the tree is bound in. It needs no overlay, no rights
 * and no kernel of a certain age (decision 14). Synchronous: some hundred quick calls at most, and a start waits for them. Throws `startFailed`.
 */
export function makeRootFolder(tree: string, points: readonly MountPoint[], folder: string): RootFolder {
  const places = new Map(points.map(({ target }) => [target, placed(tree, target)]));
  const placeOf = (target: string): string => places.get(target)?.path ?? target;
  const paths = [...places.values()].map((place) => place.path);
  const missing = points.filter(({ target }) => {
    const place = places.get(target);
    // Below another mount point it is that mount's to have it.
    return place?.exists === false && !paths.some((other) => isBelow(place.path, other));
  });
  if (missing.length === 0) return { path: tree, binds: [], placeOf };
  const binds: TreeBind[] = [];
  const lacking = missing.map(({ target }) => placeOf(target));
  takeApart({ tree, folder, lacking, binds }, '');
  for (const { target, kind } of missing) makePoint(join(folder, placeOf(target)), kind);
  return { path: folder, binds, placeOf };
}

function placed(tree: string, target: string): Place {
  const place = placeInTree(tree, target);
  if (place !== undefined) return place;
  throw new AgentError('startFailed', `Cannot mount at ${target}: links of the image go in a circle there`);
}

type Parts = {
  readonly tree: string;
  readonly folder: string;
  readonly lacking: readonly string[];
  readonly binds: TreeBind[];
};

/** `path`: inside, '' for the root; a folder of the tree on the way to something that lacks. */
function takeApart(parts: Parts, path: string): void {
  const { tree, folder, lacking } = parts;
  const own = join(folder, path);
  mkdirSync(own, { recursive: true, mode: 0o755 });
  for (const entry of readdirSync(join(tree, path), { withFileTypes: true })) {
    const inner = `${path}/${entry.name}`;
    if (entry.isSymbolicLink()) symlinkSync(readlinkSync(join(tree, inner)), join(folder, inner));
    else if (entry.isDirectory() && lacking.some((point) => isBelow(point, inner))) takeApart(parts, inner);
    else bindIn(parts, inner, entry.isDirectory() ? 'folder' : 'file');
  }
  const { mode, uid, gid } = lstatSync(join(tree, path));
  if (process.geteuid?.() === 0) lchownSync(own, uid, gid);
  // Whoever is not root must be able to remove it again.
  chmodSync(own, process.geteuid?.() === 0 ? mode & 0o7777 : mode | 0o700);
}

function bindIn({ tree, folder, binds }: Parts, path: string, kind: MountPoint['kind']): void {
  if (binds.length === maxBinds) {
    throw new AgentError('startFailed', `Cannot mount in ${dirname(path)}: it has too many entries`, {
      hint: 'Make the folder for the mount in the image itself, or mount at another place.',
    });
  }
  makePoint(join(folder, path), kind);
  binds.push({ source: join(tree, path), target: path });
}

function makePoint(path: string, kind: MountPoint['kind']): void {
  if (kind === 'folder') {
    mkdirSync(path, { recursive: true, mode: 0o755 });
    return;
  }
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  writeFileSync(path, '', { mode: 0o644, flag: 'a' });
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`) && path !== folder;
}
