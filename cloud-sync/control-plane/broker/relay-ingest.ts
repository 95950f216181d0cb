import { deviceTopics } from '../../protocol/topics.ts';
import type { Logger } from '../../../lib/logger.ts';
import type { Database } from '../database/schema.ts';
import type { DeviceIdentity } from '../identity.ts';
import { SyncError } from '../../errors.ts';
import { RelayCommits } from './relay-commits.ts';
import type { RelayOutcome, StoredSegment } from './relay-outcome.ts';
import { readRelayBatch } from './up-payload.ts';

export type RelayIngestDependencies = {
  readonly db: Database;
  readonly now: () => Date;
  readonly logger: Logger;
  /** Sends to whoever is subscribed; does not wait for them. */
  readonly publish: (message: { readonly topic: string; readonly payload: string }) => void;
  /** After each commit, in order of the ids; does not wait. */
  readonly onStored: (segments: readonly StoredSegment[]) => void;
};

/** What one device may have sent ahead of our acknowledgements. Its window is far smaller. */
const maxAheadBatches = 256;
const maxAheadBytes = 32 * 2 ** 20;

type Line = { batches: number; bytes: number; tail: Promise<unknown> };

/**
 * Takes the batches of the relay: reads those of one device in the order of their arrival, commits what waits of all
 * devices together, and acknowledges after that. [G1, G5]
 */
export class RelayIngest {
  readonly #dependencies: RelayIngestDependencies;
  readonly #commits: RelayCommits;
  readonly #lines = new Map<string, Line>();

  constructor(dependencies: RelayIngestDependencies) {
    this.#dependencies = dependencies;
    this.#commits = new RelayCommits({ ...dependencies, onCommitted: (outcomes) => this.#tell(outcomes) });
  }

  /** Resolves once the batch is committed, or needs no storing. Rejects as `Ingest` does. */
  async take(source: DeviceIdentity, payload: Uint8Array): Promise<void> {
    const line = this.#enter(source.device, payload.byteLength);
    try {
      // A batch that overtakes another would be refused as a hole; so it is read when the one before waits for its commit.
      const entered = line.tail.then(() => this.#commits.take(source, () => readRelayBatch(payload)));
      line.tail = entered.catch(() => undefined);
      await (
        await entered
      ).committed;
    } finally {
      this.#leave(source.device, payload.byteLength);
    }
  }

  #enter(device: string, bytes: number): Line {
    const line = this.#lines.get(device) ?? { batches: 0, bytes: 0, tail: Promise.resolve() };
    if (line.batches >= maxAheadBatches || line.bytes + bytes > maxAheadBytes)
      throw new SyncError(
        'badRequest',
        `The device sent ${line.batches + 1} batches, ${line.bytes + bytes} bytes, without waiting for an acknowledgement`,
      );
    line.batches += 1;
    line.bytes += bytes;
    this.#lines.set(device, line);
    return line;
  }

  #leave(device: string, bytes: number): void {
    const line = this.#lines.get(device);
    if (!line) return;
    line.batches -= 1;
    line.bytes -= bytes;
    if (line.batches === 0) this.#lines.delete(device);
  }

  #tell(outcomes: readonly RelayOutcome[]): void {
    const { publish, logger, onStored } = this.#dependencies;
    const segments: StoredSegment[] = [];
    for (const { source, batch, acknowledge, segment } of outcomes) {
      const { epoch, stream, firstSeq } = batch.columns;
      // [G5] only here, after the commit, may the device forget what it sent.
      const ack = JSON.stringify({ epoch, stream, seq: acknowledge });
      publish({ topic: deviceTopics(source).relayAck, payload: ack });
      if (segment) segments.push(segment);
      const { device } = source;
      const counts = { stored: segment?.columns.times.length ?? 0, acknowledged: acknowledge };
      const range = { firstSeq, lastSeq: batch.lastSeq };
      logger.debug('relay.batch', { device, epoch, stream, ...range, ...counts });
    }
    if (segments.length > 0) onStored(segments);
  }
}
