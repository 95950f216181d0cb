import { AgentError } from '../errors.ts';

export type GroupCommitOptions<Unit, Written extends Refusals> = {
  /** Writes all units in one transaction, or throws and has written none. */
  readonly commit: (units: readonly Unit[]) => Written;
  /** Makes durable what was committed; undefined: it is done. Whatever it throws or rejects with is final. */
  readonly sync: () => Promise<void> | undefined;
  /** After that and before the writers go on. */
  readonly onDurable: (written: Written) => void;
  /** After such a failure nothing is tried again: a failed fsync may have dropped what a later one would report as written. */
  readonly isFatal: (error: Error) => boolean;
  /** Called at the first such failure, once. */
  readonly onFatal?: (error: Error) => void;
  readonly maxPendingUnits?: number;
  readonly maxPendingBytes?: number;
  /** Runs a flush soon, after what is ready to be read was read. Default setImmediate. */
  readonly schedule?: (flush: () => void) => void;
};

/** Units that a commit left out, by their place in the group, and why. */
export type Refusals = { readonly refused: ReadonlyMap<number, Error> };

type Pending<Unit> = { readonly unit: Unit; readonly settled: PromiseWithResolvers<undefined> };

/** `isNext`: what was submitted before it is being written. */
type Alone = {
  readonly work: () => Promise<void>;
  readonly settled: PromiseWithResolvers<undefined>;
  isNext: boolean;
};

/**
 * Gathers the units of all writers into one transaction with one fsync. While a slow fsync runs, beside this thread, the next
 * group gathers and is written after it: throughput grows with load by itself, and a slow disk holds up nobody else.
 */
export class GroupCommit<Unit, Written extends Refusals> {
  readonly #options: Required<GroupCommitOptions<Unit, Written>>;
  #pending: Pending<Unit>[] = [];
  #pendingBytes = 0;
  #scheduled = false;
  readonly #alone: Alone[] = [];
  /** Settles, never rejects, when what is being written is durable or has failed, and what follows has begun. */
  #writing: Promise<void> | undefined;
  /** After a fatal failure. */
  #failure: Error | undefined;
  #isClosed = false;
  /** The last group was synced in this thread, or failed before that: the event loop has not turned since. */
  #wasHere = true;

  constructor(options: GroupCommitOptions<Unit, Written>) {
    this.#options = {
      maxPendingUnits: 20_000,
      maxPendingBytes: 64 * 2 ** 20,
      schedule: (flush) => void setImmediate(flush),
      onFatal: () => undefined,
      ...options,
    };
  }

  /** Resolves when the unit is on disk [G1]. Rejects with what the commit threw, 'overloaded' (transient) or 'closed'. */
  submit(unit: Unit, bytes: number): Promise<undefined> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#isClosed) return Promise.reject(new AgentError('closed', 'The local store is closed'));
    const { maxPendingUnits, maxPendingBytes } = this.#options;
    if (this.#pending.length >= maxPendingUnits || this.#pendingBytes + bytes > maxPendingBytes)
      return Promise.reject(overloaded(this.#pending.length, this.#pendingBytes));
    const settled = Promise.withResolvers<undefined>();
    this.#pending.push({ unit, settled });
    this.#pendingBytes += bytes;
    this.#wake();
    return settled.promise;
  }

  /**
   * Calls `work` while nothing is being written, after what was submitted before and before all that comes later. Rejects
   * without it after a fatal failure.
   */
  async alone(work: () => Promise<void>): Promise<void> {
    const settled = Promise.withResolvers<undefined>();
    this.#alone.push({ work, settled, isNext: this.#pending.length === 0 });
    this.#next();
    await settled.promise;
  }

  /** Resolves when what waits is on disk or has failed; every later unit is refused. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#next();
    while (this.#writing) await this.#writing;
  }

  #wake(): void {
    if (this.#writing || this.#scheduled) return;
    this.#scheduled = true;
    this.#options.schedule(() => {
      this.#scheduled = false;
      this.#next();
    });
  }

  /** Begins with whatever is to be written next, unless something is being written. */
  #next(): void {
    if (this.#writing) return;
    if (this.#alone[0]?.isNext) {
      this.#writing = this.#isolate(this.#alone.shift());
    } else if (this.#pending.length > 0) {
      const group = this.#pending;
      this.#pending = [];
      this.#pendingBytes = 0;
      for (const waiting of this.#alone) waiting.isNext = true;
      this.#writing = this.#write(group);
    }
  }

  #ended(): void {
    this.#writing = undefined;
    this.#next();
  }

  /** Writers that wait for nothing but their commits would keep the event loop from turning for as long as they go on. */
  #yield(): void {
    this.#writing = undefined;
    if (this.#pending.length > 0 || this.#alone.length > 0) this.#wake();
  }

  async #isolate(alone: Alone | undefined): Promise<void> {
    const outcome = (async () => {
      if (this.#failure !== undefined) throw this.#failure;
      await alone?.work();
      return undefined;
    })();
    await Promise.allSettled([outcome]);
    alone?.settled.resolve(outcome);
    this.#ended();
  }

  async #write(group: readonly Pending<Unit>[]): Promise<void> {
    const written = await this.#attempt(group);
    // The next group is on its way to the disk while the writers of this one are answered.
    if (this.#wasHere && !this.#isClosed) this.#yield();
    else this.#ended();
    if (written instanceof Error) {
      for (const { settled } of group) settled.reject(written);
      return;
    }
    const { refused } = written;
    group.forEach(({ settled }, place) => {
      const error = refused.get(place);
      if (error) settled.reject(error);
      else settled.resolve(undefined);
    });
  }

  async #attempt(group: readonly Pending<Unit>[]): Promise<Written | Error> {
    this.#wasHere = true;
    try {
      if (this.#failure !== undefined) throw this.#failure;
      const written = this.#options.commit(group.map(({ unit }) => unit));
      const syncing = this.#options.sync();
      this.#wasHere = syncing === undefined;
      await syncing;
      this.#options.onDurable(written);
      return written;
    } catch (thrown) {
      const error = thrown as Error;
      if (this.#failure === undefined && this.#options.isFatal(error)) {
        this.#failure = error;
        this.#options.onFatal(error);
      }
      return error;
    }
  }
}

function overloaded(units: number, bytes: number): AgentError {
  return new AgentError(
    'overloaded',
    `The local store is behind: ${units} writes, ${bytes} bytes wait for the disk`,
    {
      hint: 'Send more slowly, or use a faster disk.',
      transient: true,
    },
  );
}
