import { joinListings, lookAt, namesIn, type FolderListing, type Skip } from './list-folder.ts';

/** A folder of more is listed in parts, so that two can do it: one alone would be at it for long after the other is done. */
export const minEntriesInParts = 2_000;
export const entriesInPart = 250;

/** Whoever lists the same folder from its end. */
export type OtherLister = {
  /** The parts from entry `from` of a folder's names on, when all of them are known. */
  rest(names: readonly string[], from: number): readonly FolderListing[] | undefined;
  /** So many entries of the folder, from its first on, need not be looked at any more. */
  lookedAt(count: number): void;
};

/** As `listFolder`, until it meets who comes from the other end. */
export function listWithOther(path: string, skip: Skip, other: OtherLister): FolderListing {
  const names = namesIn(path);
  if (names.length < minEntriesInParts) return lookAt(path, names, skip);
  const parts: FolderListing[] = [];
  for (let from = 0; from < names.length; from += entriesInPart) {
    const rest = other.rest(names, from);
    if (rest !== undefined) return joinListings([...parts, ...rest]);
    parts.push(lookAt(path, names.slice(from, from + entriesInPart), skip));
    other.lookedAt(from + entriesInPart);
  }
  return joinListings(parts);
}

export type FolderPart = {
  /** Among the names of the folder, all of them: which is the first of this part, and those of it. */
  readonly from: number;
  readonly names: readonly string[];
  readonly listing: FolderListing;
};

/** Where the last part of a folder with these names begins. */
export function lastPartOf(names: readonly string[]): number {
  return (Math.ceil(names.length / entriesInPart) - 1) * entriesInPart;
}
