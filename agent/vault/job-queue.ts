import type { SnapshotProgress } from '../../cloud-sync/vault/snapshot/snapshot-request.ts';
import type { VaultJobKind, VaultJobStatus } from '../control/vault-protocol.ts';
import { describeProblem } from './problem.ts';

export type JobAbout = {
  readonly kind: VaultJobKind;
  readonly volume: string | null;
  readonly reason: string;
};

type Job = JobAbout & {
  readonly id: number;
  state: VaultJobStatus['state'];
  readonly askedMs: number;
  startedMs?: number;
  endedMs?: number;
  progress?: SnapshotProgress;
  problem?: VaultJobStatus['problem'];
};

/** What a job may say of itself while it runs. */
export type JobReport = { readonly progress: (progress: SnapshotProgress) => void };

/** Those that are remembered. */
const maxJobs = 100;

/** One job on the repository at a time, in the order they were asked for. */
export class JobQueue implements AsyncDisposable {
  readonly #now: () => Date;
  readonly #onChange: () => void;
  readonly #stop = new AbortController();
  #jobs: Job[] = [];
  #last: Promise<unknown> = Promise.resolve();
  #nextId = 1;

  constructor({ now, onChange }: { readonly now: () => Date; readonly onChange: () => void }) {
    this.#now = now;
    this.#onChange = onChange;
  }

  /** Newest first. */
  list(): VaultJobStatus[] {
    return this.#jobs.map(statusOf).reverse();
  }

  get running(): VaultJobStatus | null {
    const job = this.#jobs.find(({ state }) => state === 'running');
    return job ? statusOf(job) : null;
  }

  get waiting(): number {
    return this.#jobs.filter(({ state }) => state === 'waiting').length;
  }

  /** Resolves and rejects as `work` does, when its turn has come; with the signal's reason when that aborts before or meanwhile. */
  add<T>(
    about: JobAbout,
    signal: AbortSignal,
    work: (signal: AbortSignal, report: JobReport) => Promise<T>,
  ): Promise<T> {
    const job: Job = { ...about, id: this.#nextId++, state: 'waiting', askedMs: this.#now().getTime() };
    this.#remember(job);
    const turn = this.#last.then(() => this.#run(job, AbortSignal.any([signal, this.#stop.signal]), work));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** Ends the job that runs, refuses the others. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#last;
  }

  async #run<T>(
    job: Job,
    signal: AbortSignal,
    work: (signal: AbortSignal, report: JobReport) => Promise<T>,
  ): Promise<T> {
    job.state = 'running';
    job.startedMs = this.#now().getTime();
    this.#onChange();
    try {
      signal.throwIfAborted();
      const result = await work(signal, { progress: (progress) => (job.progress = progress) });
      job.state = 'succeeded';
      return result;
    } catch (error) {
      job.state = signal.aborted ? 'cancelled' : 'failed';
      if (!signal.aborted) job.problem = describeProblem(error);
      throw error;
    } finally {
      job.endedMs = this.#now().getTime();
      this.#onChange();
    }
  }

  #remember(job: Job): void {
    const isOver = ({ state }: Job): boolean => state !== 'waiting' && state !== 'running';
    const excess = this.#jobs.filter(isOver).slice(0, Math.max(0, this.#jobs.length + 1 - maxJobs));
    this.#jobs = [...this.#jobs.filter((known) => !excess.includes(known)), job];
  }
}

function statusOf({ askedMs, startedMs, endedMs, progress, problem, ...about }: Job): VaultJobStatus {
  const iso = (ms: number | undefined): string | null =>
    ms === undefined ? null : new Date(ms).toISOString();
  return {
    ...about,
    asked: new Date(askedMs).toISOString(),
    started: iso(startedMs),
    ended: iso(endedMs),
    progress: about.state === 'running' ? (progress ?? null) : null,
    problem: problem ?? null,
  };
}
