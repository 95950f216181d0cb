import { dirname, resolve } from 'node:path';
import { errorCode } from '../../../lib/error-code.ts';
import type { Snapshot } from '../format/snapshot-document.ts';
import type { Repository } from '../repository.ts';
import { diskNeedBytes, freeBytes } from './disk-need.ts';
import { planReads } from './plan-reads.ts';
import { readStagedTree } from './read-staged-tree.ts';
import type { RestoreProblem } from './restore-request.ts';
import { hasStaging } from './staging.ts';
import { existingPlace, type TargetPlace } from './restore-target.ts';
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
  const place = what.target === undefined ? undefined : await placeIfThere(what.target);
  const subject = { repository: repository.id, snapshot: snapshot.id, path: what.path ?? '' };
  return {
    snapshot,
    files: tree.files.length + tree.links.length,
    folders: tree.folders.length,
    bytes: tree.bytes,
    packsBytes: packsBytesOf(tree),
    neededBytes: diskNeedBytes(tree, true),
    freeBytes: what.target === undefined ? null : await freeBytesAt(what.target),
    isResumable: place !== undefined && (await hasStaging(place, subject)),
    problems: tree.problems,
  };
}

function packsBytesOf({ files }: StagedTree): number {
  const chunks = new Set(files.flatMap((file) => file.chunks));
  return planReads(chunks).reduce((sum, { length }) => sum + length, 0);
}

/** Nothing is made for a plan: not the folders above the target either. */
async function placeIfThere(target: string): Promise<TargetPlace | undefined> {
  try {
    return await existingPlace(target);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Where the target would be made: in the nearest folder above that is there. */
async function freeBytesAt(target: string): Promise<number> {
  for (let folder = dirname(resolve(target)); ; folder = dirname(folder)) {
    try {
      return await freeBytes(folder);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT' || folder === dirname(folder)) throw error;
    }
  }
}
