import { AgentError } from '../errors.ts';

export type GroupCommitOptions<Unit> = {
  /**
   * Makes all units durable in one transaction, or throws and has made none. Returns those that it left out, by their
   * place, and why.
   */
  readonly commit: (units: readonly Unit[]) => ReadonlyMap<number, Error>;
  /** After such a failure nothing is tried again: a failed fsync may have dropped what a later one would report as written. */
  readonly isFatal: (error: Error) => boolean;
  /** Called at the first such failure, once. */
  readonly onFatal?: (error: Error) => void;
  readonly maxPendingUnits?: number;
  readonly maxPendingBytes?: number;
  /** Runs a flush soon, after what is ready to be read was read. Default setImmediate. */
  readonly schedule?: (flush: () => void) => void;
};

type Pending<Unit> = { readonly unit: Unit; readonly settled: PromiseWithResolvers<undefined> };

/**
 * Gathers the units of all writers of one turn of the event loop into one transaction with one fsync. While the fsync
 * blocks, sockets fill up, so the next group is larger: throughput grows with load by itself. (On a common SSD, about 0.6 ms
 * for a group of 1 and 0.8 ms for one of 100.)
 */
export class GroupCommit<Unit> {
  readonly #options: Required<GroupCommitOptions<Unit>>;
  #pending: Pending<Unit>[] = [];
  #pendingBytes = 0;
  #refusal: Error | undefined;

  constructor(options: GroupCommitOptions<Unit>) {
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
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal);
    const { maxPendingUnits, maxPendingBytes, schedule } = this.#options;
    if (this.#pending.length >= maxPendingUnits || this.#pendingBytes + bytes > maxPendingBytes)
      return Promise.reject(overloaded(this.#pending.length, this.#pendingBytes));
    if (this.#pending.length === 0) schedule(() => this.flush());
    const settled = Promise.withResolvers<undefined>();
    this.#pending.push({ unit, settled });
    this.#pendingBytes += bytes;
    return settled.promise;
  }

  /** Commits what waits, now. */
  flush(): void {
    const group = this.#pending;
    if (group.length === 0) return;
    this.#pending = [];
    this.#pendingBytes = 0;
    let refused: ReadonlyMap<number, Error>;
    try {
      if (this.#refusal !== undefined) throw this.#refusal;
      refused = this.#options.commit(group.map(({ unit }) => unit));
    } catch (thrown) {
      const error = thrown as Error;
      const isFirst = this.#refusal === undefined && this.#options.isFatal(error);
      if (isFirst) this.#refusal = error;
      for (const { settled } of group) settled.reject(error);
      if (isFirst) this.#options.onFatal(error);
      return;
    }
    for (const [place, { settled }] of group.entries()) {
      const error = refused.get(place);
      if (error) settled.reject(error);
      else settled.resolve(undefined);
    }
  }

  /** Commits what waits; every later unit is refused. */
  close(): void {
    this.flush();
    this.#refusal ??= new AgentError('closed', 'The local store is closed');
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
