import type { Digest } from '../../../lib/digest.ts';
import type { ImageManifest } from '../manifest.ts';
import type { OciLayout } from '../oci-layout.ts';
import type { RegistryClient } from '../registry-client.ts';
import type { ImageConfig } from './image-config.ts';
import type { SourceProblem } from '../registry-sources.ts';
import type { Platform } from './platform.ts';

export type PullProgress = {
  /** Bytes of the image that are on disk and good, also those that were there before or were taken from other blobs. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** Bytes that came over the network. */
  readonly bytesFetched: number;
};

export type PullRequest = {
  /** Asked in this order: mirrors first, the registry of the reference last. A failure of one goes on to the next. */
  readonly clients: readonly RegistryClient[];
  readonly layout: OciLayout;
  readonly repository: string;
  /** Of a manifest, or of an index of which the platform's manifest is taken. */
  readonly digest: Digest;
  readonly platform: Platform;
  readonly maxBytes: number;
  /** Layers, and ranges of layers, at a time; default 4. */
  readonly concurrency?: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: PullProgress) => void;
  /** A registry that failed where another was asked instead; for the log. */
  readonly onProblem?: SourceProblem;
};

/** An image whose every blob is in the layout, verified. */
export type PulledImage = {
  /** As it was asked for. */
  readonly digest: Digest;
  readonly manifestDigest: Digest;
  readonly manifest: ImageManifest;
  readonly config: ImageConfig;
  readonly bytesFetched: number;
};
