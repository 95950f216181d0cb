import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isSyncErrorCode, SyncError } from '../../cloud-sync/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { JobFailed, JobLog } from './job-messages.ts';

/** How much of what a job prints is kept for the message of its crash. */
const outputChars = 4096;
/** After the wish to end: a job that is stuck is killed. */
const graceMs = 10_000;

export type JobProcessOptions<Message> = {
  /** In errors: `vault job`. */
  readonly name: string;
  /** In the journal, when it crashes. */
  readonly exitedEvent: string;
  /** The program. */
  readonly entry: string;
  /** Throws for what is not of the protocol. */
  readonly parse: (message: unknown) => Message | JobLog | JobFailed;
  readonly logger: Logger;
  readonly signal: AbortSignal;
};

/** The program of a job: that which was built beside this one as `built`, or that which is among the sources. */
export function jobEntry(built: string, source: string, from: string): string {
  const path = fileURLToPath(new URL(built, from));
  return existsSync(path) ? path : fileURLToPath(new URL(source, from));
}

/**
 * A process for one job, which is there only while it works: its memory and processor time are not the agent's, and a crash ends
 * the job alone. It ends when the agent does, kill -9 included: its channel is closed then.
 */
export class JobProcess<Message extends { readonly type: string }, Result> implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #options: JobProcessOptions<Message>;
  readonly #take: (message: Message, resolve: (result: Result) => void) => void;
  readonly #exited: Promise<void>;
  readonly #answer = Promise.withResolvers<Result>();
  #output = '';

  /** `take` gets what the job says; with the message that is its result it calls `resolve`. */
  constructor(
    options: JobProcessOptions<Message>,
    take: (message: Message, resolve: (result: Result) => void) => void,
  ) {
    this.#options = options;
    this.#take = take;
    this.#child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', options.entry], {
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

  /** Rejects with the failure that the job tells of, a transient `internal` when it crashes, or the signal's reason. */
  async run(message: object): Promise<Result> {
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

  #send(message: object): void {
    // A process that is gone already is told of by `close`.
    this.#child.send(message, () => undefined);
  }

  #listen(): void {
    const { name, exitedEvent, parse, logger } = this.#options;
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        this.#output = (this.#output + chunk.toString('utf8')).slice(-outputChars);
      });
    this.#child.on('message', (message) => {
      // Nothing that a job says may end the agent.
      try {
        this.#hear(parse(message));
      } catch (cause) {
        this.#answer.reject(crashed(name, 'said what is not of the protocol', cause));
      }
    });
    this.#child.once('error', (cause) => this.#answer.reject(crashed(name, 'could not be started', cause)));
    this.#child.once('close', (code, killedBy) => {
      const how = killedBy === null ? `ended with ${String(code)}` : `was ended by ${killedBy}`;
      if (code !== 0) logger.warn(exitedEvent, { code, signal: killedBy, local: { output: this.#output } });
      this.#answer.reject(crashed(name, how));
    });
  }

  #hear(message: Message | JobLog | JobFailed): void {
    if (isLog(message)) this.#options.logger[message.level](message.event, message.fields);
    else if (isFailed(message)) this.#answer.reject(failureOf(message.problem));
    else this.#take(message, this.#answer.resolve);
  }
}

function isLog(message: { readonly type: string }): message is JobLog {
  return message.type === 'log';
}

function isFailed(message: { readonly type: string }): message is JobFailed {
  return message.type === 'failed';
}

function failureOf({ code, message, hint, transient }: JobFailed['problem']): SyncError {
  const known = isSyncErrorCode(code) ? code : 'internal';
  return new SyncError(known, message, { transient, ...(hint !== undefined && { hint }) });
}

/** Memory may have run out, or somebody killed it: it is worth another try. */
function crashed(name: string, how: string, cause?: unknown): SyncError {
  return new SyncError('internal', `The process of the ${name} ${how} before it was done`, {
    transient: true,
    cause,
    hint: 'See the journal for what it said: holdfast logs.',
  });
}
