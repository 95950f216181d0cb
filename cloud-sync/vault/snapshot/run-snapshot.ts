import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { openPosix } from '../../../lib/posix.ts';
import { version } from '../../../lib/version.ts';
import { TreeReader } from '../browse/tree-reader.ts';
import type { BlobId } from '../format/blob-id.ts';
import type { Snapshot, SnapshotDocument } from '../format/snapshot-document.ts';
import type { BlobIndex } from '../repository.ts';
import type { RepositoryLock } from '../upkeep/locks.ts';
import { isNoRoom } from '../upkeep/no-room.ts';
import { accountsText, readAccountNames } from './account-names.ts';
import { createBlobClaims } from './blob-claims.ts';
import { EarlierSnapshot } from './earlier-snapshot.ts';
import { compileExcludes } from './exclude-patterns.ts';
import { FileQueue } from './file-queue.ts';
import { FolderWalk, type WalkedFolder } from './folder-walk.ts';
import { PackUploads } from './pack-uploads.ts';
import { ProblemList } from './problem-list.ts';
import { compressionLevel, lastIndexMs, progressIntervalMs } from './snapshot-limits.ts';
import { indexMemory, readEntriesOf, Remembering } from './remembering.ts';
import { readMemory, type SnapshotMemory } from './snapshot-memory.ts';
import type { SnapshotOutcome, SnapshotRequest } from './snapshot-request.ts';
import { SnapshotTally } from './snapshot-tally.ts';
import { SnapshotThreads } from './snapshot-threads.ts';
import { TreeStore } from './tree-store.ts';

export type SnapshotBasis = {
  readonly lock: Pick<RepositoryLock, 'assertHeld'>;
  /** What the snapshot names as its parent. */
  readonly parent: Snapshot | undefined;
  /** What files are compared with: that parent, or nothing. */
  readonly compared: Snapshot | undefined;
};

/** See `takeSnapshot`. Rejects with ParentDamaged when it is to be called again without `compared`. */
export async function runSnapshot(request: SnapshotRequest, basis: SnapshotBasis): Promise<SnapshotOutcome> {
  await using run = new SnapshotRun(request, basis);
  try {
    return await run.outcome();
  } catch (error) {
    if (isNoRoom(error)) await run.giveRoomBack();
    else if (request.signal.aborted) await run.keepWhatIsStored();
    throw error;
  }
}

/** One snapshot while it is being taken. */
class SnapshotRun implements AsyncDisposable {
  readonly #request: SnapshotRequest;
  readonly #basis: SnapshotBasis;
  readonly #time: Date;
  readonly #tally = new SnapshotTally();
  readonly #problems = new ProblemList();
  /** Of the first failure beside the walk. */
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #level: number;
  readonly #uploads: PackUploads;
  readonly #trees: TreeStore;
  readonly #files = new FileQueue(() => this.#wakeThreads());
  /** Rejects at the first failure of a thread or a write, or when the request is aborted. */
  readonly #failed: Promise<never>;
  #index: Promise<BlobIndex> | undefined;
  #treeReader: TreeReader | undefined;
  #threads: Promise<SnapshotThreads> | undefined;

  constructor(request: SnapshotRequest, basis: SnapshotBasis) {
    const { repository, bytesPerSecond } = request;
    this.#request = request;
    this.#basis = basis;
    this.#time = new Date(request.ahead?.startMs ?? Date.now());
    this.#signal = AbortSignal.any([request.signal, this.#stop.signal]);
    this.#failed = rejectionOf(this.#signal);
    this.#level = repository.version === 1 ? 0 : compressionLevel;
    this.#uploads = new PackUploads({ repository, bytesPerSecond, signal: this.#signal });
    this.#trees = new TreeStore({
      key: repository.key,
      level: this.#level,
      uploads: this.#uploads,
      index: () => this.#loadIndex(),
    });
  }

  async outcome(): Promise<SnapshotOutcome> {
    using _reports = this.#reportProgress();
    const context = contextOf(this.#request);
    const memory = await this.#usableMemory(context);
    const walk = this.#walk(memory);
    const root = await Promise.race([walk.run(), this.#failed]);
    // Everything that the index will name, the index, and then the snapshot. [G1]
    await Promise.race([Promise.all([this.#finishThreads(), this.#trees.finish()]), this.#failed]);
    const indexed = this.#uploads.writeIndex();
    // While that is on its way to the disk.
    await using remembering = this.#index && new Remembering(this.#request, root, walk.walked);
    await indexed;
    remembering?.index();
    const outcome = await this.#commit(root);
    remembering?.folders(context, [...(await this.#loadIndex()).files, ...this.#uploads.indexFiles]);
    return outcome;
  }

  /** What was stored and is named by nothing would fill the store for a day, and each attempt would add to it. */
  async giveRoomBack(): Promise<void> {
    await this[Symbol.asyncDispose]();
    const { signal, logger } = this.#request;
    try {
      await this.#uploads.discard({ lock: this.#basis.lock, signal });
    } catch (error) {
      // A store that only takes, or one that is gone: the next prune has it.
      logger.info('snapshot.packs.left', { error });
    }
  }

  /** One that makes room again and again would never come further than the last index, and leave more packs behind each time. */
  async keepWhatIsStored(): Promise<void> {
    await this[Symbol.asyncDispose]();
    try {
      await this.#uploads.keep({ lock: this.#basis.lock, signal: AbortSignal.timeout(lastIndexMs) });
    } catch (error) {
      this.#request.logger.info('snapshot.packs.left', { error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Who still waits is let go, to find that it is over.
    this.#stop.abort();
    this.#files.close();
    const threads = await this.#threads?.catch(() => undefined);
    await threads?.[Symbol.asyncDispose]();
  }

  /** Read when something is to be compared or stored: where nothing changed it is not. */
  #loadIndex(): Promise<BlobIndex> {
    // The walk goes on for a little while: what it starts then, nobody would end.
    if (this.#index === undefined && this.#signal.aborted)
      return Promise.reject(this.#signal.reason as Error);
    this.#index ??= this.#request.repository.index({
      signal: this.#signal,
      memory: indexMemory(this.#request),
    });
    return this.#index;
  }

  async #readTree(id: BlobId): Promise<Buffer> {
    const index = await this.#loadIndex();
    this.#treeReader ??= new TreeReader(this.#request.repository, index, { signal: this.#signal });
    return await this.#treeReader.readPlain(id);
  }

  #wakeThreads(): void {
    this.#startThreads().then(
      (threads) => threads.wake(),
      (error: unknown) => this.#stop.abort(error),
    );
  }

  #startThreads(): Promise<SnapshotThreads> {
    this.#threads ??= this.#loadIndex().then(
      (index) =>
        new SnapshotThreads({
          count: this.#request.threads ?? availableParallelism(),
          key: this.#request.repository.key,
          claims: createBlobClaims(index),
          level: this.#level,
          progress: this.#tally.shared,
          onPack: (pack) => this.#uploads.write(pack),
          nextJob: (whose) => this.#files.nextJob(whose),
          onFailed: (error) => this.#stop.abort(error),
        }),
    );
    return this.#threads;
  }

  /** Everything is read: their memory is needed for the index. */
  async #finishThreads(): Promise<void> {
    const threads = await this.#threads;
    await threads?.finish();
    await threads?.[Symbol.asyncDispose]();
  }

  #walk(memory: SnapshotMemory | undefined): FolderWalk {
    const { folder, excludes } = this.#request;
    const signal = this.#signal;
    const parent = this.#basis.compared;
    return new FolderWalk({
      folder: realpathSync(folder),
      excludes: compileExcludes(excludes),
      earlier: new EarlierSnapshot({
        readTree: (id) => this.#readTree(id),
        index: () => this.#loadIndex(),
        ...{ parent, memory },
        entries: () => readEntriesOf(this.#request, memory),
      }),
      files: this.#files,
      trees: this.#trees,
      accounts: readAccountNames(),
      posix: openPosix(),
      tally: this.#tally,
      remembers: this.#request.memory !== undefined,
      onProblem: (problem) => this.#problems.add(problem),
      startMs: this.#time.getTime(),
      ahead: this.#request.ahead,
      signal,
    });
  }

  async #commit(root: WalkedFolder): Promise<SnapshotOutcome> {
    const { repository, skipUnchanged = false } = this.#request;
    const parent = this.#basis.parent;
    const same = skipUnchanged && parent?.document.tree === root.tree ? parent : undefined;
    this.#basis.lock.assertHeld();
    this.#signal.throwIfAborted();
    const id = same?.id ?? (await repository.addSnapshot(this.#document(root), { signal: this.#signal }));
    const { files, folders, totalBytes, durationMs } = this.#tally;
    return {
      id,
      parent: parent?.id ?? null,
      skipped: same !== undefined,
      files,
      folders,
      totalBytes,
      ...this.#uploads.bytes,
      durationMs,
      problems: this.#problems.listed,
      problemCount: this.#problems.count,
    };
  }

  #document(root: WalkedFolder): SnapshotDocument {
    const { time, recordedPath, hostname, tags, excludes } = this.#request;
    const { username, uid, gid } = currentUser();
    const parent = this.#basis.parent;
    return {
      time: time ?? this.#time.toISOString(),
      tree: root.tree,
      paths: [recordedPath],
      hostname,
      ...{ username, uid, gid },
      ...(parent === undefined ? {} : { parent: parent.id }),
      tags,
      excludes,
      programVersion: `holdfast ${version}`,
    };
  }

  /** What is remembered of the very snapshot that this one is compared with, while all of that is in the repository. */
  async #usableMemory(context: string): Promise<SnapshotMemory | undefined> {
    const { memory: path, repository } = this.#request;
    const { compared } = this.#basis;
    if (path === undefined || compared === undefined) return undefined;
    const memory = await readMemory(path, repository.key);
    if (memory?.tree !== compared.document.tree || memory.context !== context) return undefined;
    const present = new Set(
      (await repository.backend.list('index', { signal: this.#signal })).map(({ name }) => name),
    );
    return memory.indexFiles.every((name) => present.has(name)) ? memory : undefined;
  }

  #reportProgress(): Disposable {
    const { onProgress } = this.#request;
    if (onProgress === undefined) return { [Symbol.dispose]: () => undefined };
    const report = () => onProgress(this.#tally.progress(this.#uploads.bytes.storedBytes));
    const timer = setInterval(report, progressIntervalMs);
    return {
      [Symbol.dispose]: () => {
        clearInterval(timer);
        report();
      },
    };
  }
}

function rejectionOf(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => undefined);
  signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  return promise;
}

/** Where it differs, what was remembered of a folder says nothing of its tree. */
function contextOf({ recordedPath, excludes }: SnapshotRequest): string {
  const posix = openPosix() === undefined ? 'no attributes' : 'attributes';
  return createHash('sha256')
    .update(JSON.stringify([version, recordedPath, excludes, posix, accountsText()]))
    .digest('hex');
}

/** A container may run as a user that has no name. */
function currentUser(): { username: string; uid: number; gid: number } {
  const uid = process.getuid?.() ?? 0;
  return { username: readAccountNames().userOf(uid), uid, gid: process.getgid?.() ?? 0 };
}
