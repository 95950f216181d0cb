import type { BlobId } from './blob-id.ts';

/** What a snapshot file says, as restic's design document defines it. */
export type SnapshotDocument = {
  /** RFC 3339, by the clock of who took it. */
  readonly time: string;
  readonly tree: BlobId;
  /** What was snapshotted, as absolute paths. */
  readonly paths: readonly string[];
  readonly hostname: string;
  readonly username: string;
  readonly uid: number;
  readonly gid: number;
  readonly parent?: string;
  readonly original?: string;
  readonly tags: readonly string[];
  readonly excludes: readonly string[];
  readonly programVersion?: string;
};

export type Snapshot = {
  /** SHA-256 of its file. */
  readonly id: string;
  readonly document: SnapshotDocument;
  /** When the store took it, in milliseconds since 1970: what retention goes by, for a device's own clock can be made to lie. Null where the store does not say. */
  readonly receivedMs: number | null;
};
