import { lstatSync, readdirSync } from 'node:fs';
import { nameOfBytes } from '../format/name-bytes.ts';
import type { Entry } from './entry-node.ts';
import { factsOf, nodeTypeOf } from './file-facts.ts';
import { fileProblem } from './file-reader.ts';
import { rawPath } from './raw-path.ts';
import type { SnapshotProblem } from './snapshot-request.ts';

export type FolderListing = {
  readonly entries: readonly Entry[];
  /** Of entries that were there, but could not be looked at. */
  readonly problems: readonly (Pick<SnapshotProblem, 'code' | 'message'> & { readonly name: string })[];
};

/** What lies in a folder now. `skip`: names that are not even looked at. Throws node's error when it cannot be listed. */
export function listFolder(path: string, skip: (entry: Entry) => boolean): FolderListing {
  const entries: Entry[] = [];
  const problems: FolderListing['problems'][number][] = [];
  for (const name of namesIn(path)) {
    try {
      const stats = lstatSync(rawPath(`${path}/${name}`), { bigint: true });
      const type = nodeTypeOf(stats.mode);
      if (type === undefined)
        problems.push({ name, code: 'unsupported', message: `Mode ${stats.mode} is of no known kind.` });
      else if (!skip({ name, type, facts: stats })) entries.push({ name, type, facts: factsOf(stats) });
    } catch (error) {
      problems.push({ name, ...fileProblem(error) });
    }
  }
  return { entries, problems };
}

const replacement = '\ufffd';

/** Node puts U+FFFD for bytes that are no UTF-8: such a folder is listed again as bytes. */
function namesIn(path: string): string[] {
  const raw = rawPath(path);
  const names = readdirSync(raw);
  if (!names.some((name) => name.includes(replacement))) return names;
  return readdirSync(raw, { encoding: 'buffer' }).map(nameOfBytes);
}
