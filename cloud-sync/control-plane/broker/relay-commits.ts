import { SyncError } from '../../errors.ts';
import type { Database } from '../database/schema.ts';
import { storageError } from '../database/sqlite-errors.ts';
import type { DeviceIdentity } from '../identity.ts';
import { RelayGroup } from './relay-group.ts';
import type { RelayOutcome } from './relay-outcome.ts';
import type { ReadBatch } from './up-payload.ts';

export type RelayCommitsOptions = {
  readonly db: Database;
  readonly now: () => Date;
  /** Before any promise of `submit` resolves, with what one transaction took, in order. */
  readonly onCommitted: (outcomes: readonly RelayOutcome[]) => void;
};

type Waiting = {
  readonly source: DeviceIdentity;
  readonly batch: ReadBatch;
  readonly settled: PromiseWithResolvers<undefined>;
};

/** Of one transaction: batches, and bytes as they came. */
const groupBatches = 64;
const groupBytes = 8 * 2 ** 20;
/** Read and not committed: who wants to read more waits. */
const waitingBatches = 128;
const waitingBytes = 16 * 2 ** 20;

/** Commits batches of many devices together, one fsync a group: while one group is on its way to the disk the next one gathers. */
export class RelayCommits {
  readonly #options: RelayCommitsOptions;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #committing = false;
  #room: PromiseWithResolvers<undefined> | undefined;

  constructor(options: RelayCommitsOptions) {
    this.#options = options;
  }

  /** Resolves when there is memory for one more batch. */
  async room(): Promise<void> {
    while (this.#waiting.length >= waitingBatches || this.#waitingBytes >= waitingBytes) {
      this.#room ??= Promise.withResolvers();
      await this.#room.promise;
    }
  }

  /** Resolves after the commit [G1]; rejects when the batch was refused ('revoked', 'badRequest') or nothing of its group could be stored. */
  submit(source: DeviceIdentity, batch: ReadBatch): Promise<undefined> {
    const settled = Promise.withResolvers<undefined>();
    this.#waiting.push({ source, batch, settled });
    this.#waitingBytes += batch.payload.byteLength;
    if (!this.#committing) void this.#run();
    return settled.promise;
  }

  async #run(): Promise<void> {
    this.#committing = true;
    // What is ready to be read from other sockets joins the group.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) await this.#commit(this.#takeGroup());
    this.#committing = false;
  }

  #takeGroup(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { batch } of this.#waiting) {
      if (count >= groupBatches || (count > 0 && bytes + batch.payload.byteLength > groupBytes)) break;
      bytes += batch.payload.byteLength;
      count += 1;
    }
    this.#waitingBytes -= bytes;
    this.#room?.resolve(undefined);
    this.#room = undefined;
    return this.#waiting.splice(0, count);
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    const { db, now, onCommitted } = this.#options;
    let results: readonly (RelayOutcome | SyncError)[];
    try {
      results = await db.transaction().execute(async (transaction) => {
        const writer = new RelayGroup(transaction, now());
        const stored: (RelayOutcome | SyncError)[] = [];
        for (const { source, batch } of group) stored.push(await writer.store(source, batch));
        await writer.finish();
        return stored;
      });
    } catch (error) {
      // The transaction was rolled back: nobody is acknowledged, every device sends again.
      for (const { settled } of group) settled.reject(storageError(error));
      return;
    }
    onCommitted(results.filter(isOutcome));
    for (const [place, { settled }] of group.entries()) {
      const result = results[place];
      if (result instanceof SyncError) settled.reject(result);
      else settled.resolve(undefined);
    }
  }
}

const isOutcome = (result: RelayOutcome | SyncError): result is RelayOutcome =>
  !(result instanceof SyncError);
