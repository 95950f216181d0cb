import type { NodeType } from '../format/tree-node.ts';
import type { Exclusion } from './exclude-patterns.ts';
import { listFolder, type FolderListing } from './list-folder.ts';
import type { WalkPosition } from './walk-position.ts';

export type BackwardsOptions = {
  /** Absolute. */
  readonly folder: string;
  readonly excludes: Exclusion | undefined;
  /** Of whoever walks from the beginning. */
  readonly position: Pick<WalkPosition, 'compare'>;
  /** It ends after so many. */
  readonly maxEntries: number;
};

/**
 * Lists a folder and those in it, the last one first and each before what is in it, until it comes to where the other walk has been. What
 * cannot be listed is left to that. `path` is relative, '' for the folder itself.
 */
export function* listBackwards(
  options: BackwardsOptions,
): Generator<{ path: string; listing: FolderListing }> {
  const { folder, excludes, position, maxEntries } = options;
  let left = maxEntries;
  /** Whether to go on. */
  function* list(
    path: string,
    place: readonly number[],
  ): Generator<{ path: string; listing: FolderListing }, boolean> {
    const prefix = path === '' ? '' : `${path}/`;
    const skip = (name: string, type: NodeType) => excludes?.(`${prefix}${name}`, type === 'dir') ?? false;
    const listing = tryToList(path === '' ? folder : `${folder}/${path}`, skip, left);
    if (listing === undefined) return true;
    const folders = foldersIn(listing);
    left -= listing.entries.names.length;
    // Whoever takes it may take its memory away.
    yield { path, listing };
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

function foldersIn({ entries }: FolderListing): { readonly name: string; readonly index: number }[] {
  return [...entries.names.entries()].flatMap(([index, name]) =>
    entries.typeAt(index) === 'dir' ? [{ name, index }] : [],
  );
}

/** A folder may hold more than all that is to be held in memory here. */
function tryToList(
  path: string,
  skip: (name: string, type: NodeType) => boolean,
  maxEntries: number,
): FolderListing | undefined {
  try {
    return listFolder(path, skip, maxEntries);
  } catch {
    return undefined;
  }
}
