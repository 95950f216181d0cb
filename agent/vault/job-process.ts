import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isSyncErrorCode, SyncError } from '../../cloud-sync/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { fromJobSchema, type FromJob, type ToJob, type VaultTaskResult } from './job-protocol.ts';
import type { JobOptions, JobRunner } from './ports.ts';

/** How much of what a job prints is kept for the message of its crash. */
const outputChars = 4096;
/** After the wish to end: a job that is stuck is killed. */
const graceMs = 10_000;

export type JobProcessOptions = {
  readonly logger: Logger;
  /** The program of the job; by default that which was built beside this one, or is among the sources. */
  readonly entry?: string;
};

/**
 * Runs each job in a process of its own, which is there only while it works: memory and processor time of snapshots are not
 * the agent's, and a crash ends the job alone. It ends when the agent does, kill -9 included: its channel is closed then.
 */
export function createJobRunner({ logger, entry = jobEntry() }: JobProcessOptions): JobRunner {
  return async (access, task, options) => {
    options.signal.throwIfAborted();
    await using job = new JobProcess(entry, { ...options, logger });
    return await job.run({ type: 'run', access, task });
  };
}

function jobEntry(): string {
  const built = fileURLToPath(new URL('vault-job.mjs', import.meta.url));
  return existsSync(built) ? built : fileURLToPath(new URL('job-main.ts', import.meta.url));
}

type Options = JobOptions & { readonly logger: Logger };

class JobProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #options: Options;
  readonly #exited: Promise<void>;
  readonly #answer = Promise.withResolvers<VaultTaskResult>();
  #output = '';

  constructor(entry: string, options: Options) {
    this.#options = options;
    this.#child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', entry], {
      cwd: '/',
      env: {},
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'advanced',
    });
    this.#exited = new Promise((resolve) => {
      this.#child.once('error', () => resolve());
      this.#child.once('close', () => resolve());
    });
    this.#listen();
  }

  async run(message: ToJob): Promise<VaultTaskResult> {
    const { signal } = this.#options;
    const cancel = (): void => {
      this.#answer.reject(signal.reason as Error);
    };
    signal.addEventListener('abort', cancel, { once: true });
    this.#send(message);
    try {
      return await this.#answer.promise;
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  /** Lets it undo what it has begun, then kills it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#answer.promise.catch(() => undefined);
    if (this.#child.connected) this.#send({ type: 'cancel' });
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), graceMs);
    await this.#exited;
    clearTimeout(timer);
  }

  #send(message: ToJob): void {
    // A process that is gone already is told of by `close`.
    this.#child.send(message, () => undefined);
  }

  #listen(): void {
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        this.#output = (this.#output + chunk.toString('utf8')).slice(-outputChars);
      });
    this.#child.on('message', (message) => {
      // Nothing that a job says may end the agent.
      try {
        this.#take(fromJobSchema.parse(message));
      } catch (cause) {
        this.#answer.reject(crashed('said what is not of the protocol', cause));
      }
    });
    this.#child.once('error', (cause) => this.#answer.reject(crashed('could not be started', cause)));
    this.#child.once('close', (code, killedBy) => {
      const { logger } = this.#options;
      const how = killedBy === null ? `ended with ${String(code)}` : `was ended by ${killedBy}`;
      if (code !== 0)
        logger.warn('vault.job.exited', { code, signal: killedBy, local: { output: this.#output } });
      this.#answer.reject(crashed(how));
    });
  }

  #take(message: FromJob): void {
    const { onOpened, onSnapshotProgress, onStep, logger } = this.#options;
    switch (message.type) {
      case 'opened': {
        onOpened(message.opened);
        return;
      }
      case 'snapshotProgress':
        return onSnapshotProgress?.(message.progress);
      case 'step':
        return onStep?.(message.step);
      case 'log': {
        logger[message.level](message.event, message.fields);
        return;
      }
      case 'done': {
        this.#answer.resolve(message.result);
        return;
      }
      case 'failed': {
        this.#answer.reject(failureOf(message.problem));
        return;
      }
      default:
        return message satisfies never;
    }
  }
}

function failureOf({
  code,
  message,
  hint,
  transient,
}: Extract<FromJob, { type: 'failed' }>['problem']): SyncError {
  const known = isSyncErrorCode(code) ? code : 'internal';
  return new SyncError(known, message, { transient, ...(hint !== undefined && { hint }) });
}

/** Memory may have run out, or somebody killed it: it is worth another try. */
function crashed(how: string, cause?: unknown): SyncError {
  return new SyncError('internal', `The process of the vault job ${how} before it was done`, {
    transient: true,
    cause,
    hint: 'See the journal for what it said: holdfast logs.',
  });
}
