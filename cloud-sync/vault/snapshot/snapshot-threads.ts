import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import { directMemoryBytes } from '../direct-memory.ts';
import { SyncError } from '../../errors.ts';
import { releaseBytes } from '../release-bytes.ts';
import { masterKeyBytes, type MasterKey } from '../format/master-key.ts';
import type { SharedClaims } from './blob-claims.ts';
import type { FinishedPack } from './blob-packer.ts';
import type { FileJob } from './file-queue.ts';
import { packCapacityBytes, packsInFlight } from './snapshot-limits.ts';
import type { FromThread, ThreadSetup, ToThread } from './thread-messages.ts';
import { threadEntry } from '../thread-entry.ts';

export type SnapshotThreadsOptions = {
  readonly count: number;
  readonly key: MasterKey;
  readonly claims: SharedClaims;
  readonly level: number;
  readonly progress: SharedArrayBuffer;
  /** Resolves once the pack is durable. */
  readonly onPack: (pack: FinishedPack) => Promise<void>;
  /** Undefined while there is nothing to read, or not enough. */
  readonly nextJob: (whose: 'idle' | 'busy') => FileJob | undefined;
  /** Called at the first failure. */
  readonly onFailed: (error: unknown) => void;
};

type Thread = {
  readonly worker: Worker;
  readonly memory: MessagePort;
  readonly running: Map<number, FileJob>;
};

/** So that a thread has its next job while the result of the last is on its way. */
const jobsPerThread = 2;

/** Of a pack that had room enough. */
const packMemoryBytes = directMemoryBytes(packCapacityBytes);

/** Garbage of a thread is mostly memory outside the heap, given back when the heap is looked through: often, then. */
const youngHeapMb = 3;

/** Threads that read files and make packs, started as there is work for them. */
export class SnapshotThreads implements AsyncDisposable {
  readonly #options: SnapshotThreadsOptions;
  readonly #threads: Thread[] = [];
  readonly #credits = new SharedArrayBuffer(4);
  readonly #uploads = new Set<Promise<void>>();
  readonly #allFinished = Promise.withResolvers<undefined>();
  #finished = 0;
  #jobs = 0;
  #hasFailed = false;

  constructor(options: SnapshotThreadsOptions) {
    this.#options = options;
    new Int32Array(this.#credits)[0] = packsInFlight;
  }

  /** To be called when there is something to read: the first thread starts, even if that does not make a job yet. */
  wake(): void {
    if (this.#threads.length === 0 && !this.#hasFailed) this.#start();
    for (let thread = this.#freeThread(); thread !== undefined; thread = this.#freeThread()) {
      const isIdle = thread !== 'new' && thread.running.size === 0;
      const job = this.#hasFailed ? undefined : this.#options.nextJob(isIdle ? 'idle' : 'busy');
      if (job === undefined) return;
      this.#jobs += 1;
      const { worker, running } = thread === 'new' ? this.#start() : thread;
      running.set(this.#jobs, job);
      post(worker, { kind: 'read', job: this.#jobs, paths: job.paths, facts: job.facts }, [job.facts.buffer]);
    }
  }

  /** After the last job was done: resolves once everything that was read is durable; never, after a failure. */
  async finish(): Promise<void> {
    if (this.#threads.length === 0) return;
    for (const { worker } of this.#threads) post(worker, { kind: 'finish' });
    await this.#allFinished.promise;
    await Promise.all(this.#uploads);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#hasFailed = true;
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()));
  }

  /** One with nothing to do, else one with a short list, else a new one: to start costs as much as the reading of hundreds of files. */
  #freeThread(): Thread | 'new' | undefined {
    const idle = this.#threads.find(({ running }) => running.size === 0);
    const free = idle ?? this.#threads.find(({ running }) => running.size < jobsPerThread);
    return free ?? (this.#threads.length < this.#options.count ? 'new' : undefined);
  }

  #start(): Thread {
    const { key, claims, level, progress } = this.#options;
    const memory = new MessageChannel();
    const workerData: ThreadSetup = {
      key: masterKeyBytes(key),
      claims,
      level,
      credits: this.#credits,
      memory: memory.port2,
      progress,
    };
    const worker = new Worker(
      threadEntry('vault-snapshot-thread.cjs', new URL('snapshot-thread.ts', import.meta.url)),
      {
        workerData,
        transferList: [memory.port2],
        resourceLimits: { maxYoungGenerationSizeMb: youngHeapMb },
      },
    );
    const thread: Thread = { worker, memory: memory.port1, running: new Map() };
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
        this.wake();
        job?.done(message);
        return;
      }
      case 'pack':
        this.#upload(thread, message);
        return;
      case 'finished':
        this.#finished += 1;
        if (this.#finished === this.#threads.length) this.#allFinished.resolve(undefined);
        return;
      default:
        message satisfies never;
    }
  }

  #upload({ memory }: Thread, pack: FinishedPack): void {
    const upload = this.#options.onPack(pack).then(
      () => {
        giveBack(memory, pack.bytes.buffer as ArrayBuffer);
        this.#giveCredit();
      },
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
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#options.onFailed(error);
  }
}

/** All of a pack's memory, of which the pack was the beginning; what had to grow is not kept. */
function giveBack(port: MessagePort, memory: ArrayBuffer): void {
  if (memory.byteLength === packMemoryBytes) port.postMessage(memory, [memory]);
  else releaseBytes(new Uint8Array(memory));
}

function post(worker: Worker, message: ToThread, transfer: ArrayBuffer[] = []): void {
  worker.postMessage(message, transfer);
}
