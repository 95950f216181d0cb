import { availableParallelism } from 'node:os';
import { openPosix } from '../../../lib/posix.ts';
import { masterKeyBytes } from '../format/master-key.ts';
import { diskNeedBytes, requireSpace } from './disk-need.ts';
import { FileProblems } from './file-problems.ts';
import { finishTree } from './finish-tree.ts';
import { createFiles, makeFolders } from './make-folders.ts';
import { likeTarget, placeTree } from './place-tree.ts';
import { treeOfPlan } from './plan-restore.ts';
import { readStagedTree, type SnapshotTree } from './read-staged-tree.ts';
import { RestoreMeter } from './restore-meter.ts';
import type { RestoreOutcome, RestoreRequest } from './restore-request.ts';
import { findTarget, placeOfTarget, refuseRepositoryIn, type RestoreTarget } from './restore-target.ts';
import { findStaged, nothingFound, type Found } from './resume-files.ts';
import { discardOthers, hasStaging, openStaging, recoverTarget, type Staging } from './staging.ts';
import { canLookPastMemory, distrust } from './staging-marker.ts';
import { ThreadPool } from './thread-pool.ts';
import { writeFiles } from './write-files.ts';

/**
 * Restores a snapshot, or a path of it, into a folder: everything is written and verified beside it, synced, and takes its place in one
 * step. [G8] What the repository cannot give back is left out and listed. Rejects with `conflict` when the target is not empty and
 * not to be replaced, `diskFull` before anything is written, `notFound`, `folderInUse`, with the signal's reason; what was staged stays
 * then, and the next call goes on with it.
 */
export async function restoreSnapshot(request: RestoreRequest): Promise<RestoreOutcome> {
  const { repository, signal, logger, replace = false, path = '' } = request;
  const startMs = performance.now();
  const meter = new RestoreMeter(request.onProgress);
  meter.enter('planning');
  const place = await placeOfTarget(request.target);
  await recoverTarget(place);
  const target = await findTarget(place, { replace });
  if (target.state === 'filled') await refuseRepositoryIn(place, repository.backend.location);
  const planned = request.plan && treeOfPlan(request.plan, request);
  const what = planned ?? (await readStagedTree(repository, request, { signal }));
  meter.expect(what.tree.files.length, what.tree.bytes);
  const subject = { repository: repository.id, snapshot: what.snapshot.id, path };
  const needed = diskNeedBytes(what.tree, request.sparse ?? true);
  if (!(await hasStaging(place, subject))) await requireSpace(place.parent, needed);
  using staging = await openStaging(place, subject);
  const restore = new StagedRestore({ request, what, staging, meter, needed });
  const filled = await restore.fill();
  const allowDamaged = request.allowDamaged ?? !replace;
  const placed = allowDamaged || !filled.problems.isIncomplete;
  if (placed) await putInPlace(target, staging);
  const outcome = outcomeOf(what, filled, { placed, durationMs: performance.now() - startMs });
  logger.info('vault.restore.done', {
    snapshot: outcome.snapshot,
    files: outcome.files,
    bytes: outcome.bytes,
    problems: outcome.problemCount,
    placed,
  });
  return outcome;
}

/** While one has the disk write, the cores are not to be without work. */
const threadsThatWait = 1;

type Filled = { readonly problems: FileProblems; readonly resumedBytes: number };

class StagedRestore {
  readonly #request: RestoreRequest;
  readonly #what: SnapshotTree;
  readonly #staging: Staging;
  readonly #meter: RestoreMeter;
  readonly #needed: number;
  readonly #problems: FileProblems;

  constructor({
    request,
    what,
    staging,
    meter,
    needed,
  }: {
    readonly request: RestoreRequest;
    readonly what: SnapshotTree;
    readonly staging: Staging;
    readonly meter: RestoreMeter;
    readonly needed: number;
  }) {
    this.#request = request;
    this.#what = what;
    this.#staging = staging;
    this.#meter = meter;
    this.#needed = needed;
    const pathOf = (file: number) => this.#named(what.tree.files[file]?.path ?? '');
    this.#problems = new FileProblems(pathOf, what.tree.problems);
  }

  /** Everything but taking its place: at the end the staged tree is whole and on disk. */
  async fill(): Promise<Filled> {
    const { repository, signal, sparse = true } = this.#request;
    const { tree } = this.#what;
    await using pool = new ThreadPool(this.#request.threads ?? availableParallelism() + threadsThatWait, {
      root: this.#staging.tree,
      rootFile: this.#staging.treeFile,
      key: masterKeyBytes(repository.key),
      owners: this.#owners,
      sparse,
    });
    const found = this.#staging.isResumed ? await this.#findStaged(pool) : nothingFound;
    const context = { root: this.#staging.tree, problems: this.#problems, named: this.#named, signal };
    this.#meter.enter('writing');
    await makeFolders(tree.folders, found.folders, context);
    await createFiles(tree.files, found.chunks, context);
    await writeFiles(tree.files, found.chunks, {
      repository,
      pool,
      sync: () => this.#sync(pool),
      meter: this.#meter,
      problems: this.#problems,
      signal,
    });
    this.#meter.enter('finishing');
    await finishTree(tree, { ...context, ...this.#ids, owners: this.#owners, posix: openPosix() });
    await this.#sync(pool, this.#madePaths());
    signal.throwIfAborted();
    return { problems: this.#problems, resumedBytes: found.bytes };
  }

  async #findStaged(pool: ThreadPool): Promise<Found> {
    this.#meter.enter('verifying');
    const { signal } = this.#request;
    const found = await findStaged(this.#what.tree, {
      root: this.#staging.tree,
      pool,
      meter: this.#meter,
      signal,
    });
    await requireSpace(this.#staging.folder, this.#needed - found.bytes);
    return found;
  }

  async #sync(pool: ThreadPool, paths: readonly string[] = []): Promise<void> {
    try {
      await pool.run({ kind: 'sync', paths });
    } catch (error) {
      const { folder, marker } = this.#staging;
      if (!canLookPastMemory(folder)) await distrust(folder, marker);
      throw error;
    }
  }

  readonly #named = (path: string): string => `${this.#what.above}/${path}`;

  get #owners(): boolean {
    return this.#request.owners ?? this.#ids.uid === 0;
  }

  get #ids(): { readonly uid: number; readonly gid: number } {
    return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
  }

  /** Of what can be opened and synced by itself. */
  #madePaths(): string[] {
    const { files, folders } = this.#what.tree;
    const whole = files.filter((_, index) => !this.#problems.isLeftOut(index));
    return [...whole, ...folders.toReversed()].map(({ path }) => path);
  }
}

async function putInPlace(target: RestoreTarget, staging: Staging): Promise<void> {
  await likeTarget(target, staging);
  await placeTree(target, staging);
  await discardOthers(target);
}

function outcomeOf(
  { snapshot, tree }: SnapshotTree,
  { problems, resumedBytes }: Filled,
  rest: { readonly placed: boolean; readonly durationMs: number },
): RestoreOutcome {
  const given = tree.files.filter((_, index) => !problems.isLeftOut(index));
  return {
    snapshot: snapshot.id,
    files: given.length + tree.links.length,
    folders: tree.folders.length,
    bytes: given.reduce((sum, { bytes }) => sum + bytes, 0),
    resumedBytes,
    problems: problems.list,
    problemCount: problems.count,
    ...rest,
  };
}
