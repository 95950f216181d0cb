import { lstatSync, readdirSync } from 'node:fs';
import { nameOfBytes } from '../format/name-bytes.ts';
import type { NodeType } from '../format/tree-node.ts';
import {
  factNames,
  lastChangeNs,
  nodeTypeOf,
  packedFacts,
  putFacts,
  secondsRoundedNs,
} from './file-facts.ts';
import { fileProblem } from './file-problem.ts';
import { FolderEntries } from './folder-entries.ts';
import { rawPath } from './raw-path.ts';
import type { SnapshotProblem } from './snapshot-problem.ts';

export type FolderListing = {
  readonly entries: FolderEntries;
  /** Until when one of those that are no folders may have changed; 0 for none. */
  readonly newestNs: bigint;
  /** Of entries that were there, but could not be looked at. */
  readonly problems: readonly (Pick<SnapshotProblem, 'code' | 'message'> & { readonly name: string })[];
};

export type Skip = (name: string, type: NodeType) => boolean;

/** What lies in a folder now, but for what `skip` leaves out. Throws node's error when it cannot be listed. */
export function listFolder(path: string, skip: Skip): FolderListing {
  return lookAt(path, namesIn(path), skip);
}

const replacement = '\ufffd';

/** Node puts U+FFFD for bytes that are no UTF-8: such a folder is listed again as bytes. */
export function namesIn(path: string): string[] {
  const raw = rawPath(path);
  const names = readdirSync(raw);
  if (!names.some((name) => name.includes(replacement))) return names;
  return readdirSync(raw, { encoding: 'buffer' }).map(nameOfBytes);
}

const exactly = { bigint: true } as const;

/** Those of a folder's names that are there now. What is listed goes where it stays: a hundred thousand objects would be moved about. */
export function lookAt(path: string, names: readonly string[], skip: Skip): FolderListing {
  const kept: string[] = [];
  const packed = packedFacts(names.length);
  const problems: FolderListing['problems'][number][] = [];
  let newestNs = 0n;
  // What changed before it cannot be newer, however its file system rounds.
  let comparedFromNs = -secondsRoundedNs;
  for (const name of names) {
    try {
      const facts = lstatSync(rawPath(`${path}/${name}`), exactly);
      const type = nodeTypeOf(facts.mode);
      if (type === undefined)
        problems.push({ name, code: 'unsupported', message: `Its mode is ${facts.mode}.` });
      if (type === undefined || skip(name, type)) continue;
      putFacts(packed, kept.length, facts);
      kept.push(name);
      if (type === 'dir' || facts.ctimeNs <= comparedFromNs) continue;
      newestNs = later(newestNs, lastChangeNs(facts.ctimeNs));
      comparedFromNs = newestNs - secondsRoundedNs;
    } catch (error) {
      problems.push({ name, ...fileProblem(error) });
    }
  }
  const facts = kept.length === names.length ? packed : packed.slice(0, kept.length * factNames.length);
  return { entries: new FolderEntries(kept, facts), newestNs, problems };
}

/** Of the same folder, one behind the other. */
export function joinListings(parts: readonly FolderListing[]): FolderListing {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const names = parts.flatMap(({ entries }) => entries.names);
  const facts = packedFacts(names.length);
  let at = 0;
  for (const { entries } of parts) {
    facts.set(entries.facts, at);
    at += entries.facts.length;
  }
  return {
    entries: new FolderEntries(names, facts),
    newestNs: parts.reduce((newest, part) => later(newest, part.newestNs), 0n),
    problems: parts.flatMap(({ problems }) => problems),
  };
}

function later(one: bigint, other: bigint): bigint {
  return other > one ? other : one;
}
