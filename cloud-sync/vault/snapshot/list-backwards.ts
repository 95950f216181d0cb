import type { NodeType } from '../format/tree-node.ts';
import type { Exclusion } from './exclude-patterns.ts';
import { lookAt, namesIn, type FolderListing, type Skip } from './list-folder.ts';
import { entriesInPart, lastPartOf, minEntriesInParts, type FolderPart } from './list-in-parts.ts';
import type { WalkPosition } from './walk-position.ts';

export type BackwardsOptions = {
  /** Absolute. */
  readonly folder: string;
  readonly excludes: Exclusion | undefined;
  /** Of whoever walks from the beginning. */
  readonly position: Pick<WalkPosition, 'compare' | 'lookedAtOf'>;
  /** It ends after so many. */
  readonly maxEntries: number;
};

/** A folder, or of a large one a part. `path` is relative, '' for the folder itself. */
export type ListedBackwards = { readonly path: string } & (
  { readonly listing: FolderListing } | { readonly part: FolderPart }
);

/** A folder in a listing, and its number there. */
type Place = { readonly name: string; readonly index: number };

/**
 * Lists a folder and those in it, the last one first and each before what is in it, until it comes to where the other walk has been. What
 * cannot be listed is left to that.
 */
export function* listBackwards(options: BackwardsOptions): Generator<ListedBackwards> {
  const { folder, excludes, position, maxEntries } = options;
  let left = maxEntries;
  /** Whether to go on. */
  function* list(path: string, place: readonly number[]): Generator<ListedBackwards, boolean> {
    const prefix = path === '' ? '' : `${path}/`;
    const skip = (name: string, type: NodeType) => excludes?.(`${prefix}${name}`, type === 'dir') ?? false;
    const absolute = path === '' ? folder : `${folder}/${path}`;
    const names = tryToName(absolute, left);
    if (names === undefined) return true;
    left -= names.length;
    const how = { path, absolute, names, skip };
    const folders = yield* names.length < minEntriesInParts
      ? listWhole(how)
      : listParts(how, (from) => position.lookedAtOf(place) >= from);
    // All that comes after it is listed.
    if (folders === undefined) return false;
    for (const { name, index } of folders.reverse()) {
      const below = [...place, index];
      const where = position.compare(below);
      if (where === 'passed' || left <= 0) return false;
      const goesOn = yield* list(`${prefix}${name}`, below);
      // What lies before where the other walk was, it has seen.
      if (!goesOn || where === 'inside') return false;
    }
    return true;
  }
  yield* list('', []);
}

type How = {
  readonly path: string;
  readonly absolute: string;
  readonly names: readonly string[];
  readonly skip: Skip;
};

/** The folders in it. */
function* listWhole({ path, absolute, names, skip }: How): Generator<ListedBackwards, Place[]> {
  const listing = tryTo(() => lookAt(absolute, names, skip));
  if (listing === undefined) return [];
  const folders = foldersIn(listing);
  // Whoever takes it may take its memory away.
  yield { path, listing };
  return folders;
}

/** Undefined where the other walk has been at the entries in front of some part, or one cannot be listed. */
function* listParts(
  { path, absolute, names, skip }: How,
  isSeen: (from: number) => boolean,
): Generator<ListedBackwards, Place[] | undefined> {
  const parts: { readonly folders: readonly Place[]; readonly count: number }[] = [];
  for (let from = lastPartOf(names); from >= 0; from -= entriesInPart) {
    const some = names.slice(from, from + entriesInPart);
    const listing = tryTo(() => lookAt(absolute, some, skip));
    if (listing === undefined) return undefined;
    parts.unshift({ folders: foldersIn(listing), count: listing.entries.names.length });
    yield { path, part: { from, names: some, listing } };
    if (from > 0 && isSeen(from)) return undefined;
  }
  let before = 0;
  return parts.flatMap(({ folders, count }) => {
    const first = before;
    before += count;
    return folders.map(({ name, index }) => ({ name, index: first + index }));
  });
}

function foldersIn({ entries }: FolderListing): Place[] {
  return [...entries.names.entries()].flatMap(([index, name]) =>
    entries.typeAt(index) === 'dir' ? [{ name, index }] : [],
  );
}

/** A folder may hold more than all that is to be held in memory here. */
function tryToName(path: string, maxEntries: number): string[] | undefined {
  const names = tryTo(() => namesIn(path));
  return names !== undefined && names.length > maxEntries ? undefined : names;
}

function tryTo<T>(list: () => T): T | undefined {
  try {
    return list();
  } catch {
    return undefined;
  }
}
