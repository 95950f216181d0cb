import { AgentError } from '../errors.ts';

export type GroupCommitOptions<Unit, Written extends Refusals> = {
  /** Writes all units in one transaction, or throws and has written none. */
  readonly commit: (units: readonly Unit[]) => Written;
  /** Makes durable what was committed. Whatever it rejects with is final. */
  readonly sync: () => Promise<void>;
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

/**
 * Gathers the units of all writers into one transaction with one fsync. While the fsync runs, beside this thread, the next
 * group gathers and is written after it: throughput grows with load by itself, and a slow disk holds up nobody else.
 */
export class GroupCommit<Unit, Written extends Refusals> {
  readonly #options: Required<GroupCommitOptions<Unit, Written>>;
  #pending: Pending<Unit>[] = [];
  #pendingBytes = 0;
  #scheduled = false;
  /** Settles, never rejects, when the group that is being written is durable or has failed. */
  #writing: Promise<void> | undefined;
  /** After a fatal failure. */
  #failure: Error | undefined;
  #isClosed = false;

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

  /** Writes what waits, then calls `work` while nothing is being written. Rejects without it after a fatal failure. */
  async alone(work: () => Promise<void>): Promise<void> {
    // What was submitted before is in the group that is being written, or in the next one. Later ones hold nobody up.
    for (let group = 0; group < 2; group++) {
      this.#start();
      await this.#writing;
    }
    while (this.#writing) await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
    await work();
  }

  /** Resolves when what waits is on disk or has failed; every later unit is refused. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#drain();
  }

  async #drain(): Promise<void> {
    for (;;) {
      this.#start();
      if (!this.#writing) return;
      await this.#writing;
    }
  }

  #wake(): void {
    if (this.#writing || this.#scheduled || this.#pending.length === 0) return;
    this.#scheduled = true;
    this.#options.schedule(() => {
      this.#scheduled = false;
      this.#start();
    });
  }

  #start(): void {
    if (this.#writing || this.#pending.length === 0) return;
    const group = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#writing = this.#write(group).then(() => {
      this.#writing = undefined;
      this.#wake();
    });
  }

  async #write(group: readonly Pending<Unit>[]): Promise<void> {
    let written: Written;
    try {
      if (this.#failure !== undefined) throw this.#failure;
      written = this.#options.commit(group.map(({ unit }) => unit));
      await this.#options.sync();
      this.#options.onDurable(written);
    } catch (thrown) {
      const error = thrown as Error;
      const isFirst = this.#failure === undefined && this.#options.isFatal(error);
      if (isFirst) this.#failure = error;
      for (const { settled } of group) settled.reject(error);
      if (isFirst) this.#options.onFatal(error);
      return;
    }
    for (const [place, { settled }] of group.entries()) {
      const error = written.refused.get(place);
      if (error) settled.reject(error);
      else settled.resolve(undefined);
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
