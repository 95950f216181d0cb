import type { OciLayout } from '../oci-layout.ts';
import type { RegistrySources } from '../registry-sources.ts';
import type { ChunkIndex } from './chunk-index.ts';
import type { PullMeter } from './pull-meter.ts';
import type { Slots } from './slots.ts';

/** What the blobs of one pull share. */
export type LayerPull = {
  readonly sources: RegistrySources;
  readonly layout: OciLayout;
  readonly repository: string;
  /** Requests for bodies at a time, of all layers together. */
  readonly slots: Slots;
  /** Parts of one layer that are fetched before they are written. */
  readonly partsAhead: number;
  /** Undefined when no layer that lacks has a chunk table. */
  readonly index: ChunkIndex | undefined;
  readonly signal: AbortSignal;
  readonly meter: PullMeter;
};
