import type { Digest } from '../../../lib/digest.ts';

/** What an archive may make, so that a bomb ends early. */
export type LayerLimits = {
  /** Of the tar, uncompressed. */
  readonly maxBytes: number;
  readonly maxEntries: number;
  /** Uncompressed against compressed bytes, beyond the first 16 MiB. */
  readonly maxRatio: number;
};

export const layerLimits: LayerLimits = { maxBytes: 64 * 2 ** 30, maxEntries: 2_000_000, maxRatio: 1000 };

export type ApplyRequest = {
  /** The blob, as it is in the layout: tar, tar+gzip or tar+zstd by `mediaType`. */
  readonly blob: string;
  readonly mediaType: string;
  /** Of the uncompressed tar; what does not make it is refused as `digestMismatch`. */
  readonly diffId: Digest;
  /**
   * The root file system of the layers below, changed in place: whiteouts take away, entries replace by remove-and-create,
   * never by writing into a file, which may be a hard link to that of another tree.
   */
  readonly rootfs: string;
  readonly limits: LayerLimits;
  readonly signal: AbortSignal;
  /** Bytes of tar that were read. */
  readonly onProgress?: (bytes: number) => void;
};

export type AppliedLayer = {
  readonly entries: number;
  /** Of tar. */
  readonly bytes: number;
  /** It brought a file that gives capabilities to whoever runs it (security.capability). */
  readonly hasCapabilities: boolean;
};
