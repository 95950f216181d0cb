import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode } from '../../../lib/error-code.ts';
import type { Logger } from '../../../lib/logger.ts';
import type { ExitReason, Instance } from '../ports.ts';
import { specDigestOf } from '../spec-digest.ts';
import type { Engine, Run } from './engine.ts';
import { exitReasonOf } from './exit-status.ts';
import type { OutputReader } from './output-reader.ts';
import { isAlive, type ProcessIdentity } from './process-identity.ts';
import { isDeafTo } from './is-deaf-to.ts';
import { removeRunFolder } from './remove-run-folder.ts';
import { runBeside } from './run-beside.ts';
import { sweepRun } from './sweep-run.ts';

export type AppInstanceOptions = {
  readonly run: Run;
  readonly engine: Engine;
  /** Of the shell that waits for it. */
  readonly parent: ProcessIdentity;
  readonly output: OutputReader;
  readonly logger: Logger;
};

/** SIGKILL has ended what it can in this time; the wait for the rest goes on, and is said. */
const slowEndMs = 30_000;

/** One run of an app, as long as this agent looks after it. */
export class AppInstance implements Instance {
  readonly id: string;
  readonly app: string;
  readonly specDigest: Instance['specDigest'];
  readonly startedAt: Date;
  readonly exited: Promise<ExitReason>;
  readonly #options: AppInstanceOptions;
  readonly #ended = Promise.withResolvers<ExitReason>();
  #isEnding = false;
  #isStopped = false;
  #isUnread = false;

  constructor(options: AppInstanceOptions) {
    const { id, spec, startedAt } = options.run.record;
    this.#options = options;
    this.id = id;
    this.app = spec.app;
    this.specDigest = specDigestOf(spec);
    this.startedAt = new Date(startedAt);
    this.exited = this.#ended.promise;
  }

  get pid(): number | null {
    return this.#options.engine.mainProcess(this.#started());
  }

  /** Called often: reads output, and sees when it has ended. */
  look(): void {
    if (this.#isEnding) return;
    this.#read((output) => output.look());
    if (!isAlive(this.#options.parent)) void this.end();
  }

  /** Looks after it no more; it goes on. */
  leave(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#read((output) => output.close());
  }

  /** Its parent has ended: reports how, and leaves nothing behind. Never rejects. */
  async end(): Promise<void> {
    if (this.#isEnding) return;
    this.#isEnding = true;
    const { run, logger } = this.#options;
    const status = await readFile(join(run.folder, 'exit'), 'utf8').catch(() => '');
    const reason = exitReasonOf(
      status,
      !this.#isStopped && (await run.group.ranOutOfMemory().catch(() => false)),
    );
    try {
      await sweepRun(this.#options, reason.kind === 'lost');
    } catch (error) {
      logger.error('app.leftovers', { app: this.app, instance: this.id, error });
    }
    this.#read((reader) => reader.finish());
    await removeRunFolder(run.folder).catch((error: unknown) => {
      logger.warn('app.folder.left', { app: this.app, instance: this.id, error });
    });
    this.#ended.resolve(reason);
  }

  async stop({
    signal,
    graceMs,
  }: {
    readonly signal: string;
    readonly graceMs: number;
  }): Promise<ExitReason> {
    this.#isStopped = true;
    const { engine, logger } = this.#options;
    const main = engine.mainProcess(this.#started());
    if (main === null || !isDeafTo(main, signal)) {
      this.#send(main, signal);
      if (await this.#endsWithin(graceMs)) return this.exited;
    }
    this.#send(engine.lastProcess(this.#started()), 'SIGKILL');
    if (!(await this.#endsWithin(slowEndMs)))
      logger.error('app.does-not-end', { app: this.app, instance: this.id, pid: this.pid });
    return this.exited;
  }

  exec(
    args: readonly string[],
    options: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<{ readonly exitCode: number; readonly output: string }> {
    return runBeside(this.#options, args, options);
  }

  /** A full disk, or one that fails, is no reason to lose sight of the app. Said once. */
  #read(work: (output: OutputReader) => void): void {
    const { output, logger } = this.#options;
    try {
      work(output);
    } catch (error) {
      if (!this.#isUnread) logger.warn('app.output', { app: this.app, instance: this.id, error });
      this.#isUnread = true;
    }
  }

  async #endsWithin(ms: number): Promise<boolean> {
    const timer = new AbortController();
    const tooLate = sleep(ms, false, { signal: timer.signal }).catch(() => false);
    try {
      return await Promise.race([this.exited.then(() => true), tooLate]);
    } finally {
      timer.abort();
    }
  }

  #started(): string {
    try {
      return readFileSync(join(this.#options.run.folder, 'started'), 'utf8');
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return '';
      throw error;
    }
  }

  /** Only while its parent waits for it, which is when its number is nobody else's. */
  #send(pid: number | null, signal: string): void {
    if (pid === null || !isAlive(this.#options.parent)) return;
    try {
      process.kill(pid, signal);
    } catch (error) {
      if (errorCode(error) !== 'ESRCH') throw error;
    }
  }
}
