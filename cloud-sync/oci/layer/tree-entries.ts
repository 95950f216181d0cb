import { readlinkSync, statSync } from 'node:fs';
import type { Posix } from '../../../lib/posix.ts';
import { SyncError } from '../../errors.ts';
import { bytesOfName, compareNames } from '../../vault/format/name-bytes.ts';
import type { Exclusion } from '../../vault/snapshot/exclude-patterns.ts';
import { readAttributes } from '../../vault/snapshot/extended-attributes.ts';
import type { Entry } from '../../vault/snapshot/folder-entries.ts';
import { listFolder } from '../../vault/snapshot/list-folder.ts';
import { rawPath } from '../../vault/snapshot/raw-path.ts';
import type { TarAttribute, TarEntry } from './tar-header.ts';

/** An entry of a layer; a file's body is at `source`. */
export type TreeEntry = TarEntry & { readonly source: string };

export type TreeOptions = {
  /** Seconds since 1970, for every entry. */
  readonly mtimeSeconds: number;
  /** What is not of this layer. `path`: relative, parts divided by '/'. */
  readonly exclude: Exclusion;
  readonly posix: Posix | undefined;
  /** Entries that no image holds: sockets, fifos, devices. */
  readonly onSkipped: (path: string) => void;
  /** Attributes whose names no image holds, for they are no UTF-8; `name` is for people. */
  readonly onLostAttribute: (path: string, name: string) => void;
};

/**
 * What lies below a folder, each folder before what is in it and names in the order of their bytes. Nothing depends on who checked
 * the tree out, where and when: owner 0:0, one time for all, and of the mode only what is meant (executable or not; a folder for
 * everyone stays one). Set-uid and set-gid bits are left out. The first name of several for one file is the file, others are hard links.
 * Synchronous. Throws `badImage` for what cannot be in a layer.
 */
export function* treeEntries(folder: string, options: TreeOptions): Generator<TreeEntry> {
  yield* entriesBelow(folder, '', { ...options, links: new Map() });
}

type Walk = TreeOptions & {
  /** The path of the first name of each file that has several, by device and inode. */
  readonly links: Map<string, string>;
};

const whiteoutPrefix = '.wh.';

function* entriesBelow(folder: string, prefix: string, walk: Walk): Generator<TreeEntry> {
  const { entries, problems } = listFolder(folder, (name, type) =>
    walk.exclude(prefix + name, type === 'dir'),
  );
  const [problem] = problems;
  if (problem !== undefined) throw unreadable(prefix + problem.name, problem.message);
  const order = entries.names
    .map((_, at) => at)
    .sort((a, b) => compareNames(entries.names[a] ?? '', entries.names[b] ?? ''));
  for (const at of order) {
    const entry = entries.at(at);
    const path = prefix + entry.name;
    if (entry.name.startsWith(whiteoutPrefix)) throw whiteout(path);
    const source = `${folder}/${entry.name}`;
    const found = entryOf(entry, { path, source }, walk);
    if (found === undefined) walk.onSkipped(path);
    else yield found;
    if (entry.type === 'dir') yield* entriesBelow(source, `${path}/`, walk);
  }
}

type Place = { readonly path: string; readonly source: string };

function entryOf({ type, facts }: Entry, place: Place, walk: Walk): TreeEntry | undefined {
  const { path, source } = place;
  const common = {
    path: bytesOfName(path),
    source,
    uid: 0,
    gid: 0,
    size: 0,
    mtimeNs: BigInt(walk.mtimeSeconds) * 1_000_000_000n,
    attributes: attributesOf(place, walk),
  };
  switch (type) {
    case 'dir':
      return { ...common, type: 'folder', mode: isForEveryone(facts.mode) ? 0o1777 : 0o755 };
    case 'symlink': {
      const target = readlinkSync(rawPath(source), 'buffer');
      return { ...common, type: 'symlink', mode: 0o777, target };
    }
    case 'file': {
      const mode = (facts.mode & 0o100n) === 0n ? 0o644 : 0o755;
      const first = firstName(walk.links, facts, path);
      if (first === undefined) return { ...common, type: 'file', mode, size: Number(facts.size) };
      return { ...common, type: 'hardLink', mode, target: bytesOfName(first), attributes: [] };
    }
    default:
      return undefined;
  }
}

function firstName(
  links: Walk['links'],
  { dev, ino, nlink }: Entry['facts'],
  path: string,
): string | undefined {
  if (nlink < 2n) return undefined;
  const key = `${dev}:${ino}`;
  const first = links.get(key);
  if (first === undefined) links.set(key, path);
  return first;
}

/** Sticky, and others may write, as `/tmp`: no umask makes that. */
function isForEveryone(mode: bigint): boolean {
  return (mode & 0o1002n) === 0o1002n;
}

/** Those that belong to the content; others say something of this machine (labels, access lists, overlays). */
function attributesOf({ path, source }: Place, { posix, onLostAttribute }: Walk): TarAttribute[] {
  const { attributes, lost } = readAttributes(posix, rawPath(source));
  for (const name of lost) if (name.startsWith('user.')) onLostAttribute(path, name);
  return attributes
    .filter(({ name }) => name.startsWith('user.') || name === 'security.capability')
    .sort((a, b) => compareNames(a.name, b.name));
}

/** Throws `notFound` unless it is a folder. */
export function requireFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  throw new SyncError('notFound', `There is no folder ${path}`, {
    hint: 'Name the folder that holds the tree of the image.',
  });
}

function unreadable(path: string, why: string): SyncError {
  return new SyncError('badImage', `Cannot read ${path}: ${why}`, {
    hint: 'Make it readable, or leave it out by a line in .holdfastignore.',
  });
}

function whiteout(path: string): SyncError {
  return new SyncError(
    'badImage',
    `${path} cannot be in an image: names that begin with .wh. take files away`,
    {
      hint: 'Rename it, or leave it out by a line in .holdfastignore.',
    },
  );
}
