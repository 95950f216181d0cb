import type { RelayColumns } from '../../protocol/relay-batch.ts';
import type { DeviceIdentity } from '../identity.ts';
import type { ReadBatch } from './up-payload.ts';

export type StoredSegment = {
  readonly id: number;
  readonly source: DeviceIdentity;
  readonly columns: RelayColumns;
};

export type RelayOutcome = {
  readonly source: DeviceIdentity;
  readonly batch: ReadBatch;
  /** The number up to which the stream is stored. */
  readonly acknowledge: number;
  /** What was new. */
  readonly segment: StoredSegment | undefined;
};
