import { errorMessage } from '../../../lib/error-code.ts';
import type { Logger } from '../../../lib/logger.ts';
import { SyncError } from '../../errors.ts';
import { encodeLock } from '../format/lock-file.ts';
import { Sealer } from '../format/sealer.ts';
import type { Repository } from '../repository.ts';
import { staleAfterMs } from './held-locks.ts';
import { thisProcess } from './lock-holder.ts';

export type LockKeeperOptions = {
  readonly exclusive: boolean;
  readonly now: () => Date;
  readonly logger: Logger;
};

const refreshAfterMs = 5 * 60_000;
/** Before others may take it for stale: their clocks differ, and what is under way needs time to stop. */
const lostAfterMs = staleAfterMs - refreshAfterMs;
/** How long giving it back may take: after that it is left to become stale. */
const releaseTimeoutMs = 30_000;

/** One lock file of ours: written, written anew every five minutes, and taken away at the end. */
export class LockKeeper implements AsyncDisposable {
  readonly #repository: Repository;
  readonly #options: LockKeeperOptions;
  readonly #lost = new AbortController();
  readonly #ended = new AbortController();
  #name = '';
  /** Every file that may be there: also of a write that seemed to fail, and what could not be removed yet. */
  readonly #names = new Set<string>();
  #writtenMs = 0;
  #refreshing: Promise<void> = Promise.resolve();

  constructor(repository: Repository, options: LockKeeperOptions) {
    this.#repository = repository;
    this.#options = options;
  }

  /** Aborts once others may believe that nobody holds the lock, or someone took it away. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  get name(): string {
    return this.#name;
  }

  /** Throws when the lock is lost, without waiting for a timer: a machine that slept runs on before its timers do. */
  assertHeld(): void {
    if (!this.lost.aborted && this.#ageMs() > lostAfterMs) this.#lose('it was not refreshed in time');
    if (this.lost.aborted) throw this.lost.reason;
  }

  async write(signal: AbortSignal): Promise<void> {
    const { exclusive, now } = this.#options;
    const time = now();
    const document = { time: time.toISOString(), exclusive, ...thisProcess() };
    const { key, version, backend } = this.#repository;
    const { name, bytes } = encodeLock(new Sealer(key), document, version);
    this.#names.add(name);
    await backend.write('locks', name, bytes, { signal });
    this.#name = name;
    this.#writtenMs = time.getTime();
  }

  /** To be called every few seconds: timers stand still while a machine sleeps, its clock does not. */
  async tick(): Promise<void> {
    if (this.lost.aborted || this.#ended.signal.aborted) return;
    const age = this.#ageMs();
    if (age > lostAfterMs) this.#lose('it was not refreshed in time');
    else if (age >= refreshAfterMs) await (this.#refreshing = this.#refresh());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#refreshing;
    try {
      await this.#removeAllBut('', AbortSignal.timeout(releaseTimeoutMs));
    } catch (error) {
      this.#options.logger.warn('vault.lock.left', { lock: this.name, error: errorMessage(error) });
    }
  }

  /** Never rejects: a store that cannot be reached is asked again at the next tick, until the lock is lost. */
  async #refresh(): Promise<void> {
    const { signal } = this.#ended;
    try {
      const files = await this.#repository.backend.list('locks', { signal });
      if (files.some(({ name }) => name === this.name)) {
        await this.write(signal);
        await this.#removeAllBut(this.name, signal);
      } else {
        this.#lose('someone removed it');
      }
    } catch (error) {
      if (signal.aborted) return;
      this.#options.logger.warn('vault.lock.refreshFailed', { lock: this.name, error: errorMessage(error) });
    }
  }

  async #removeAllBut(left: string, signal: AbortSignal): Promise<void> {
    for (const name of [...this.#names].filter((each) => each !== left)) {
      await this.#repository.backend.remove('locks', name, { signal });
      this.#names.delete(name);
    }
  }

  #ageMs(): number {
    return this.#options.now().getTime() - this.#writtenMs;
  }

  #lose(why: string): void {
    const { location } = this.#repository.backend;
    const message = `Lost the lock ${this.name.slice(0, 8)} of repository ${location}: ${why}`;
    this.#lost.abort(
      new SyncError('locked', message, {
        hint: 'Nothing was committed since. Run it again.',
        transient: true,
      }),
    );
  }
}
