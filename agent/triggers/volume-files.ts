import { mkdir, realpath } from 'node:fs/promises';
import { join, matchesGlob } from 'node:path';
import { errorCode, errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import type { LocalStore } from '../streams/local-store.ts';
import type { Operation } from '../streams/operations.ts';
import type { FileStat } from '../streams/trigger-operations.ts';
import { changeOf, sameOrGone, type FileChange } from './file-change.ts';
import { FolderWatches } from '../../lib/folder-watches.ts';
import { isInside, lookAt, sameStat, walkFiles } from './walk-files.ts';

/** A function that wants the files of a volume which match one of its globs. */
export type FileConsumer = {
  readonly name: string;
  readonly globs: readonly string[];
  readonly capacity: number;
};

export type VolumeFilesOptions = {
  readonly volume: string;
  readonly folder: string;
  readonly store: Pick<LocalStore, 'commit' | 'counts' | 'file' | 'files' | 'hasFilesBelow'>;
  readonly now: () => Date;
  readonly logger: Logger;
  /** `problem` is another one than before. */
  readonly onChange: () => void;
  readonly maxFiles?: number;
  /** Changes that wait in memory at a time. */
  readonly maxPending?: number;
  /** A file that has been the same for so long is complete. */
  readonly settleMs?: number;
};

type Dirty = {
  readonly consumers: readonly FileConsumer[];
  /** As it was when last looked at; null when it was not there. */
  seen: FileStat | null | undefined;
  looks: number;
  /** When to look again, by a clock that never goes back. */
  dueMs: number;
};

const maxFolders = 2000;
/** Files looked at in one go. */
const goSize = 200;
/** How long to wait for room in a queue, or for a disk that takes no writes. */
const holdMs = 1000;
/** The watcher may miss changes when there are very many: everything is looked through this often. */
const rescanEveryMs = 15 * 60_000;
/** A volume that cannot be watched is looked through this often. */
const rescanUnwatchedMs = 10_000;
const rescanSoonMs = 1000;
/** A file that keeps changing is looked at less often. */
const patientLooks = 10;
const patientMs = 2000;

/**
 * Finds what became of the files of one volume and makes events of it. A change is looked at when it has settled, and is
 * compared with what the function knows of the file, on disk: so changes of the time when the agent was off are found, and
 * none is told twice. The event and the new knowledge are one commit. [G1]
 */
export class VolumeFiles implements AsyncDisposable {
  readonly #options: Required<VolumeFilesOptions>;
  readonly #dirty = new Map<string, Dirty>();
  readonly #stop = new AbortController();
  #consumers: readonly FileConsumer[] = [];
  readonly #watches: FolderWatches;
  #working: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #rescanAtMs = 0;
  #isTruncated = false;
  /** More changed than `#dirty` holds. */
  #hasMore = false;
  /** How long the last look through took: it is not to be all there is done. */
  #scanMs = 0;
  /** Events on their way to the disk, by function. */
  readonly #reserved = new Map<string, number>();
  #problem: string | undefined;

  constructor(options: VolumeFilesOptions) {
    this.#options = { maxFiles: 100_000, maxPending: 10_000, settleMs: 200, ...options };
    this.#watches = new FolderWatches({
      root: options.folder,
      maxFolders,
      onChange: (path) => this.#changed(path),
    });
  }

  /** Why not every change is found at present. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Looks through the volume, now and again. */
  configure(consumers: readonly FileConsumer[]): void {
    if (JSON.stringify(consumers) === JSON.stringify(this.#consumers)) return;
    this.#consumers = consumers;
    this.#dirty.clear();
    this.#rescanAtMs = 0;
    this.#schedule();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    this.#watches[Symbol.dispose]();
    await this.#working;
    this.#watches[Symbol.dispose]();
  }

  #schedule(): void {
    if (this.#stop.signal.aborted) return;
    clearTimeout(this.#timer);
    let dueMs = this.#scanDueMs();
    for (const entry of this.#dirty.values()) dueMs = Math.min(dueMs, entry.dueMs);
    const delayMs = Math.max(0, dueMs - performance.now());
    this.#timer = setTimeout(() => {
      this.#working = this.#working.then(() => this.#work()).finally(() => this.#schedule());
    }, delayMs);
  }

  #scanDueMs(): number {
    const isLow = this.#dirty.size < this.#options.maxPending / 10;
    return this.#hasMore && isLow ? 0 : this.#rescanAtMs;
  }

  /** Never rejects. */
  async #work(): Promise<void> {
    try {
      if (performance.now() >= this.#scanDueMs()) await this.#scan();
      await this.#settle();
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      if (errorCode(error) === 'ENOENT') {
        // The folder itself went away: it is made again.
        this.#rescanSoon();
        return;
      }
      this.#rescanAtMs = performance.now() + rescanUnwatchedMs;
      this.#setProblem(`The volume ${this.#options.volume} cannot be read: ${errorMessage(error)}`);
    }
  }

  async #scan(): Promise<void> {
    const { folder, store, volume, maxFiles } = this.#options;
    const { signal } = this.#stop;
    const startedMs = performance.now();
    await mkdir(folder, { recursive: true, mode: 0o700 });
    this.#hasMore = false;
    this.#watches.begin();
    this.#rescanAtMs = performance.now() + rescanEveryMs;
    const onFolder = (path: string): Promise<void> => this.#watches.visit(path);
    const { files, isTruncated } = await walkFiles(folder, { maxFiles, signal, onFolder });
    this.#watches.end();
    this.#isTruncated = isTruncated;
    for (const consumer of this.#consumers) {
      const known = await store.files(consumer.name, volume);
      for (const [path, stat] of files) {
        const before = known.get(path);
        if (before ? !sameStat(before, stat) : wants(consumer, path)) this.#mark(path);
      }
      for (const path of known.keys()) if (!files.has(path)) this.#mark(path);
    }
    this.#scanMs = performance.now() - startedMs;
    const { failure } = this.#watches;
    if (failure) this.#rescanAtMs = performance.now() + Math.max(rescanUnwatchedMs, this.#scanMs * 10);
    this.#setProblem(
      isTruncated
        ? `The volume ${volume} has more than ${maxFiles} files: the others are not looked at`
        : failure &&
            `Not all of the volume ${volume} can be watched, so changes are found late: ${failure.message}`,
    );
  }

  #changed(path: string): void {
    if (this.#stop.signal.aborted) return;
    this.#mark(path);
    this.#schedule();
  }

  #rescanSoon(): void {
    const delayMs = Math.max(rescanSoonMs, this.#scanMs * 10);
    this.#rescanAtMs = Math.min(this.#rescanAtMs, performance.now() + delayMs);
  }

  #mark(path: string): void {
    const known = this.#dirty.get(path);
    if (!known && this.#dirty.size >= this.#options.maxPending) {
      // The rest is found when most of these are done.
      this.#hasMore = true;
      return;
    }
    const consumers = this.#consumers.filter((consumer) => wants(consumer, path));
    // Others know it perhaps from before their glob was changed, or it is a folder.
    this.#dirty.set(path, { consumers, seen: undefined, looks: known?.looks ?? 0, dueMs: performance.now() });
  }

  async #settle(): Promise<void> {
    const nowMs = performance.now();
    const due = [...this.#dirty].filter(([, { dueMs }]) => dueMs <= nowMs).slice(0, goSize);
    if (due.length === 0) return;
    const root = await realpath(this.#options.folder);
    await Promise.all(
      due.map(async ([path, entry]) => {
        if (this.#isBlocked(entry)) entry.dueMs = nowMs + holdMs;
        else await this.#look(root, path, entry);
      }),
    );
  }

  /** Every function that wants it has a full queue. */
  #isBlocked({ consumers }: Dirty): boolean {
    return consumers.length > 0 && consumers.every((consumer) => this.#isFull(consumer));
  }

  #isFull({ name, capacity }: FileConsumer): boolean {
    const queued = this.#options.store.counts.queued(name) + (this.#reserved.get(name) ?? 0);
    return queued >= capacity;
  }

  async #look(root: string, path: string, entry: Dirty): Promise<void> {
    const { settleMs } = this.#options;
    const found = (await isInside(root, path)) ? await lookAt(join(root, path)) : undefined;
    if (found === 'folder') {
      this.#forget(path, entry);
      this.#rescanSoon();
      return;
    }
    const stat = found ?? null;
    const isSettled = entry.seen !== undefined && sameOrGone(entry.seen, stat);
    entry.seen = stat;
    entry.looks++;
    entry.dueMs = performance.now() + (entry.looks > patientLooks ? patientMs : settleMs);
    if (isSettled && (await this.#tell(path, entry, stat ?? undefined))) this.#forget(path, entry);
    else if (isSettled) entry.dueMs = performance.now() + holdMs;
  }

  #forget(path: string, entry: Dirty): void {
    if (this.#dirty.get(path) === entry) this.#dirty.delete(path);
  }

  /** False when one of the functions has no room, or the disk takes nothing. */
  async #tell(path: string, entry: Dirty, stat: FileStat | undefined): Promise<boolean> {
    const { store, volume } = this.#options;
    let isDone = true;
    for (const consumer of this.#consumers) {
      const { name } = consumer;
      const known = await store.file(name, volume, path);
      // Other functions want files meanwhile: the walk that comes with them finds this one again.
      if (this.#dirty.get(path) !== entry) return false;
      if (stat === undefined && !known && (await store.hasFilesBelow(name, volume, path))) this.#rescanSoon();
      const isWanted = entry.consumers.includes(consumer);
      const change = isWanted ? changeOf(known, stat) : undefined;
      if (change === undefined && (isWanted || !known)) continue;
      // Beyond the bound nobody knows which files are new.
      if (this.#isTruncated && !known) continue;
      const see: Operation = { op: 'see', function: name, volume, path, stat: isWanted ? stat : undefined };
      const isTold =
        change === undefined
          ? await this.#commit(name, [see])
          : !this.#isFull(consumer) &&
            (await this.#commit(name, [this.#eventOf(name, { path, change, ...sizeOf(stat) }), see]));
      if (!isTold) isDone = false;
    }
    return isDone;
  }

  /** False when the disk takes nothing. */
  async #commit(name: string, operations: readonly Operation[]): Promise<boolean> {
    const { store, volume, logger } = this.#options;
    this.#reserved.set(name, (this.#reserved.get(name) ?? 0) + 1);
    try {
      await store.commit(operations);
      return true;
    } catch (error) {
      logger.warn('files.delayed', { volume, function: name, error: errorMessage(error) });
      return false;
    } finally {
      this.#reserved.set(name, (this.#reserved.get(name) ?? 1) - 1);
    }
  }

  #eventOf(name: string, change: FileChange): Operation {
    const { volume, now } = this.#options;
    const payload = Buffer.from(JSON.stringify(change));
    const event = { function: name, kind: 'file', topic: volume, payload, hops: 0 } as const;
    // Room was looked for: the count on disk may only lag behind.
    const capacity = Number.MAX_SAFE_INTEGER;
    return { op: 'enqueue', event: { ...event, time: now().getTime() }, capacity };
  }

  #setProblem(problem: string | undefined): void {
    if (problem === this.#problem) return;
    const { volume, logger } = this.#options;
    if (problem === undefined) logger.info('files.watched', { volume });
    else logger.error('files.problem', { volume, problem });
    this.#problem = problem;
    this.#options.onChange();
  }
}

function wants({ globs }: FileConsumer, path: string): boolean {
  return globs.some((glob) => matchesGlob(path, glob));
}

function sizeOf(stat: FileStat | undefined): { size?: number } {
  return stat ? { size: stat.size } : {};
}
