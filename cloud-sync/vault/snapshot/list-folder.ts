import { lstatSync, readdirSync, type BigIntStats } from 'node:fs';
import { nameOfBytes } from '../format/name-bytes.ts';
import type { NodeType } from '../format/tree-node.ts';
import { lastChangeNs, nodeTypeOf } from './file-facts.ts';
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

/**
 * What lies in a folder now, but for what `skip` leaves out. Throws node's error when it cannot be listed, and a RangeError, before
 * anything in it was looked at, when that is more than `maxEntries`.
 */
export function listFolder(
  path: string,
  skip: (name: string, type: NodeType) => boolean,
  maxEntries = Infinity,
): FolderListing {
  const names = namesIn(path);
  if (names.length > maxEntries) throw new RangeError(`${names.length} entries; at most ${maxEntries}`);
  const entries: { readonly name: string; readonly facts: BigIntStats }[] = [];
  const problems: FolderListing['problems'][number][] = [];
  let newestNs = 0n;
  for (const name of names) {
    try {
      const facts = lstatSync(rawPath(`${path}/${name}`), { bigint: true });
      const type = nodeTypeOf(facts.mode);
      if (type === undefined)
        problems.push({ name, code: 'unsupported', message: `Its mode is ${facts.mode}.` });
      if (type === undefined || skip(name, type)) continue;
      entries.push({ name, facts });
      const changedNs = lastChangeNs(facts.ctimeNs);
      if (type !== 'dir' && changedNs > newestNs) newestNs = changedNs;
    } catch (error) {
      problems.push({ name, ...fileProblem(error) });
    }
  }
  return { entries: FolderEntries.from(entries), newestNs, problems };
}

const replacement = '\ufffd';

/** Node puts U+FFFD for bytes that are no UTF-8: such a folder is listed again as bytes. */
function namesIn(path: string): string[] {
  const raw = rawPath(path);
  const names = readdirSync(raw);
  if (!names.some((name) => name.includes(replacement))) return names;
  return readdirSync(raw, { encoding: 'buffer' }).map(nameOfBytes);
}
