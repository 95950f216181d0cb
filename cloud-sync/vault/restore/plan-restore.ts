import { dirname, resolve } from 'node:path';
import { errorCode } from '../../../lib/error-code.ts';
import type { Repository } from '../repository.ts';
import { diskNeedBytes, freeBytes } from './disk-need.ts';
import { planReads } from './plan-reads.ts';
import { readStagedTree, type SnapshotTree } from './read-staged-tree.ts';
import type { RestorePlan } from './restore-plan.ts';
import { hasStaging } from './staging.ts';
import { existingPlace, type TargetPlace } from './restore-target.ts';
import type { StagedTree } from './staged-tree.ts';

/** Reads the trees of a snapshot, and nothing of its files. */
export async function planRestore(
  repository: Repository,
  what: { readonly snapshot: string; readonly path?: string; readonly target?: string },
  options: { readonly signal: AbortSignal },
): Promise<RestorePlan> {
  const read = await readStagedTree(repository, what, options);
  const { snapshot, tree } = read;
  const place = what.target === undefined ? undefined : await placeIfThere(what.target);
  const subject = { repository: repository.id, snapshot: snapshot.id, path: what.path ?? '' };
  const plan: RestorePlan = {
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
  treesOfPlans.set(plan, read);
  return plan;
}

/** Beside the plans, which are for people. */
const treesOfPlans = new WeakMap<RestorePlan, SnapshotTree>();

/** What a plan was made of, when it is a plan of this. */
export function treeOfPlan(
  plan: RestorePlan,
  { snapshot, path = '' }: { readonly snapshot: string; readonly path?: string },
): SnapshotTree | undefined {
  const read = treesOfPlans.get(plan);
  return read?.snapshot.id === snapshot && read.path === path ? read : undefined;
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
