import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { SyncError } from '../../errors.ts';
import { masterKeyBytes, type MasterKey } from '../format/master-key.ts';
import type { SharedClaims } from './blob-claims.ts';
import type { FinishedPack } from './blob-packer.ts';
import { packsInFlight } from './snapshot-limits.ts';
import type { FilesRead, FromThread, ThreadSetup, ToThread } from './thread-messages.ts';

export type FileJob = {
  readonly paths: string;
  readonly facts: BigInt64Array<ArrayBuffer>;
  /** Done before those without: a large file that comes last keeps one thread at work while the others have nothing to do. */
  readonly first: boolean;
};

export type SnapshotThreadsOptions = {
  readonly count: number;
  readonly key: MasterKey;
  readonly claims: SharedClaims;
  readonly level: number;
  readonly progress: SharedArrayBuffer;
  /** Resolves once the pack is durable. */
  readonly onPack: (pack: FinishedPack) => Promise<void>;
  /** Fails every job. */
  readonly signal: AbortSignal;
  /** Called at the first failure. */
  readonly onFailed: (error: unknown) => void;
};

type QueuedJob = FileJob & {
  readonly resolve: (read: FilesRead) => void;
  readonly reject: (error: unknown) => void;
};
type Thread = { readonly worker: Worker; readonly running: Map<number, QueuedJob> };

/** So that a thread has its next job while the result of the last is on its way. */
const jobsPerThread = 2;

/** Threads that read files and make packs, started as there is work for them. Whatever fails in one of them fails every job. */
export class SnapshotThreads implements AsyncDisposable {
  readonly #options: SnapshotThreadsOptions;
  readonly #threads: Thread[] = [];
  readonly #queue: QueuedJob[] = [];
  readonly #urgent: QueuedJob[] = [];
  readonly #credits = new SharedArrayBuffer(4);
  readonly #uploads = new Set<Promise<void>>();
  readonly #failed = Promise.withResolvers<never>();
  #hasFailed = false;
  #finished = 0;
  #allFinished = Promise.withResolvers<undefined>();
  #jobs = 0;

  constructor(options: SnapshotThreadsOptions) {
    this.#options = options;
    new Int32Array(this.#credits)[0] = packsInFlight;
    this.#failed.promise.catch(options.onFailed);
    options.signal.addEventListener('abort', this.#onAbort);
  }

  read(job: FileJob): Promise<FilesRead> {
    if (this.#hasFailed) return this.#failed.promise;
    return new Promise((resolve, reject) => {
      (job.first ? this.#urgent : this.#queue).push({ ...job, resolve, reject });
      this.#handOut();
    });
  }

  /** After the last job was answered: resolves once everything that was read is durable. */
  async finish(): Promise<void> {
    if (this.#threads.length === 0) return;
    for (const { worker } of this.#threads) post(worker, { kind: 'finish' });
    await Promise.race([this.#allFinished.promise, this.#failed.promise]);
    await Promise.race([Promise.all(this.#uploads), this.#failed.promise]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()));
  }

  readonly #onAbort = (): void => this.#fail(this.#options.signal.reason);

  #handOut(): void {
    for (;;) {
      const waiting = this.#urgent.length + this.#queue.length;
      if (waiting === 0) return;
      const thread = this.#freeThread();
      const job = thread === undefined ? undefined : (this.#urgent.shift() ?? this.#queue.shift());
      if (thread === undefined || job === undefined) return;
      this.#jobs += 1;
      thread.running.set(this.#jobs, job);
      post(thread.worker, { kind: 'read', job: this.#jobs, paths: job.paths, facts: job.facts }, [
        job.facts.buffer,
      ]);
    }
  }

  /** One with nothing to do, else a new one, else the one with the shorter list. */
  #freeThread(): Thread | undefined {
    const idle = this.#threads.find(({ running }) => running.size === 0);
    if (idle !== undefined) return idle;
    if (this.#threads.length < this.#options.count) return this.#start();
    return this.#threads.find(({ running }) => running.size < jobsPerThread);
  }

  #start(): Thread {
    const { key, claims, level, progress } = this.#options;
    const workerData: ThreadSetup = {
      key: masterKeyBytes(key),
      claims,
      level,
      credits: this.#credits,
      progress,
    };
    const worker = new Worker(threadEntry(), { workerData });
    const thread: Thread = { worker, running: new Map() };
    worker.on('message', (message: FromThread) => this.#onMessage(thread, message));
    worker.on('error', (error) => this.#fail(error));
    worker.on('exit', (code) =>
      this.#fail(new SyncError('internal', `A thread of the snapshot ended with ${code}.`)),
    );
    this.#threads.push(thread);
    return thread;
  }

  #onMessage(thread: Thread, message: FromThread): void {
    switch (message.kind) {
      case 'read': {
        const job = thread.running.get(message.job);
        thread.running.delete(message.job);
        this.#handOut();
        job?.resolve(message);
        return;
      }
      case 'pack':
        this.#upload(message);
        return;
      case 'finished':
        this.#finished += 1;
        if (this.#finished === this.#threads.length) this.#allFinished.resolve(undefined);
        return;
      default:
        message satisfies never;
    }
  }

  #upload(pack: FinishedPack): void {
    const upload = this.#options.onPack(pack).then(
      () => this.#giveCredit(),
      (error: unknown) => this.#fail(error),
    );
    this.#uploads.add(upload);
    void upload.then(() => this.#uploads.delete(upload));
  }

  #giveCredit(): void {
    const credits = new Int32Array(this.#credits);
    Atomics.add(credits, 0, 1);
    Atomics.notify(credits, 0);
  }

  #fail(error: unknown): void {
    this.#hasFailed = true;
    this.#failed.reject(error);
    const running = this.#threads.flatMap((thread) => [...thread.running.values()]);
    for (const job of [...running, ...this.#urgent.splice(0), ...this.#queue.splice(0)]) job.reject(error);
  }
}

function post(worker: Worker, message: ToThread, transfer: ArrayBuffer[] = []): void {
  worker.postMessage(message, transfer);
}

/** What `scripts/build.ts` laid beside the built program, or the source. */
function threadEntry(): URL {
  const built = new URL('vault-snapshot-thread.mjs', import.meta.url);
  return existsSync(fileURLToPath(built)) ? built : new URL('snapshot-thread.ts', import.meta.url);
}
