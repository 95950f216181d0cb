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
/** Being read at once, and read but not in a group yet (bytes of JSON): who wants to read more waits. */
const readingBatches = 8;
const waitingBatches = 128;
const waitingJsonBytes = 64 * 2 ** 20;

/** Commits batches of many devices together, one fsync a group: while one group is on its way to the disk the next one gathers. */
export class RelayCommits {
  readonly #options: RelayCommitsOptions;
  #waiting: Waiting[] = [];
  #waitingJsonBytes = 0;
  #reading = 0;
  readonly #queue: PromiseWithResolvers<undefined>[] = [];
  #committing = false;

  constructor(options: RelayCommitsOptions) {
    this.#options = options;
  }

  /**
   * Reads a batch as soon as there is memory for it, first come, first served, and puts it into a group. Rejects as `read` does.
   * `committed` resolves after the commit [G1]; it rejects when the batch was refused ('revoked', 'badRequest') or nothing of its
   * group could be stored.
   */
  async take(
    source: DeviceIdentity,
    read: () => Promise<ReadBatch>,
  ): Promise<{ readonly committed: Promise<undefined> }> {
    const turn = Promise.withResolvers<undefined>();
    this.#queue.push(turn);
    this.#admit();
    await turn.promise;
    try {
      return { committed: this.#submit(source, await read()) };
    } finally {
      this.#reading -= 1;
      this.#admit();
    }
  }

  #admit(): void {
    while (this.#queue.length > 0 && this.#hasRoom) {
      this.#reading += 1;
      this.#queue.shift()?.resolve(undefined);
    }
  }

  get #hasRoom(): boolean {
    const batches = this.#reading + this.#waiting.length;
    return (
      this.#reading < readingBatches && batches < waitingBatches && this.#waitingJsonBytes < waitingJsonBytes
    );
  }

  #submit(source: DeviceIdentity, batch: ReadBatch): Promise<undefined> {
    const settled = Promise.withResolvers<undefined>();
    this.#waiting.push({ source, batch, settled });
    this.#waitingJsonBytes += batch.jsonBytes;
    if (!this.#committing) void this.#run();
    return settled.promise;
  }

  async #run(): Promise<void> {
    this.#committing = true;
    while (this.#waiting.length > 0) {
      // What is ready to be read from other sockets joins the group, and nobody else waits for more than one.
      await new Promise((resolve) => setImmediate(resolve));
      await this.#commit(this.#takeGroup());
    }
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
    const group = this.#waiting.splice(0, count);
    for (const { batch } of group) this.#waitingJsonBytes -= batch.jsonBytes;
    this.#admit();
    return group;
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
