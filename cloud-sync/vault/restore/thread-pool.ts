import { Worker } from 'node:worker_threads';
import { SyncError } from '../../errors.ts';
import { diskFull } from '../../oci/disk-errors.ts';
import { threadEntry } from '../thread-entry.ts';
import type {
  RestoreJob,
  RestoreResult,
  RestoreThreadData,
  ThreadReply,
  ThreadRequest,
} from './thread-jobs.ts';

type Waiting = { readonly resolve: (result: RestoreResult) => void; readonly reject: (error: Error) => void };

/** Threads that each do one job after the other. To be disposed of: threads end at once then, in the middle of a job too. */
export class ThreadPool implements AsyncDisposable {
  readonly #threads: PoolThread[];

  constructor(count: number, data: RestoreThreadData) {
    this.#threads = Array.from({ length: count }, () => new PoolThread(data));
  }

  get size(): number {
    return this.#threads.length;
  }

  /** The bytes of a write job are the thread's then. Rejects with `diskFull`, or with `internal` when a thread failed. */
  async run(job: RestoreJob): Promise<RestoreResult> {
    const [first, ...others] = this.#threads;
    if (first === undefined) throw new RangeError('A pool has at least one thread');
    return others.reduce((least, thread) => (thread.load < least.load ? thread : least), first).run(job);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.end()));
  }
}

class PoolThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #failure: Error | undefined;

  constructor(workerData: RestoreThreadData) {
    this.#worker = new Worker(
      threadEntry('vault-restore-thread.cjs', new URL('restore-thread.ts', import.meta.url)),
      {
        workerData,
        resourceLimits: { maxYoungGenerationSizeMb: 4 },
        execArgv: ['--disable-warning=ExperimentalWarning'],
      },
    );
    this.#worker.on('message', (reply: ThreadReply) => this.#settle(reply));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', () => this.#fail(new Error('It ended before its work did')));
  }

  get load(): number {
    return this.#waiting.size;
  }

  run(job: RestoreJob): Promise<RestoreResult> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      const request: ThreadRequest = { id: ++this.#lastId, job };
      this.#waiting.set(request.id, { resolve, reject });
      this.#worker.postMessage(request, job.kind === 'write' ? [job.bytes.buffer as ArrayBuffer] : []);
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(reply: ThreadReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ('result' in reply) waiting?.resolve(reply.result);
    else waiting?.reject(fatalError(reply.fatal));
  }

  #fail(cause: unknown): void {
    this.#failure ??= new SyncError('internal', 'A thread of the restore failed', { cause });
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }
}

function fatalError({ code, message }: { readonly code: string; readonly message: string }): SyncError {
  if (code === 'ENOSPC' || code === 'EDQUOT') return diskFull(`No space is left for the restore: ${message}`);
  return new SyncError('internal', `Cannot write the restored files: ${message}`);
}
