import type { Snapshot } from '../format/snapshot-document.ts';
import type { Repository } from '../repository.ts';
import { diskNeedBytes, freeBytes } from './disk-need.ts';
import { planReads } from './plan-reads.ts';
import { readStagedTree } from './read-staged-tree.ts';
import type { RestoreProblem } from './restore-request.ts';
import { hasStaging } from './staging.ts';
import { placeOfTarget } from './restore-target.ts';
import type { StagedTree } from './staged-tree.ts';

/** What a restore would do. */
export type RestorePlan = {
  readonly snapshot: Snapshot;
  readonly files: number;
  readonly folders: number;
  /** Of all files. */
  readonly bytes: number;
  /** Read from the repository. */
  readonly packsBytes: number;
  /** On disk, in blocks; zeros become holes. */
  readonly neededBytes: number;
  /** Where the target is or would be; null without a target. */
  readonly freeBytes: number | null;
  /** An interrupted restore of the same to the same target would be gone on with. */
  readonly isResumable: boolean;
  /** What is known to be missing before any file is read. */
  readonly problems: readonly RestoreProblem[];
};

/** Reads the trees of a snapshot, and nothing of its files. */
export async function planRestore(
  repository: Repository,
  what: { readonly snapshot: string; readonly path?: string; readonly target?: string },
  options: { readonly signal: AbortSignal },
): Promise<RestorePlan> {
  const { snapshot, tree } = await readStagedTree(repository, what, options);
  const place = what.target === undefined ? undefined : await placeOfTarget(what.target);
  const subject = { repository: repository.id, snapshot: snapshot.id, path: what.path ?? '' };
  return {
    snapshot,
    files: tree.files.length + tree.links.length,
    folders: tree.folders.length,
    bytes: tree.bytes,
    packsBytes: packsBytesOf(tree),
    neededBytes: diskNeedBytes(tree, true),
    freeBytes: place === undefined ? null : await freeBytes(place.parent),
    isResumable: place !== undefined && (await hasStaging(place, subject)),
    problems: tree.problems,
  };
}

function packsBytesOf({ files }: StagedTree): number {
  const chunks = new Set(files.flatMap((file) => file.chunks));
  return planReads(chunks).reduce((sum, { length }) => sum + length, 0);
}
