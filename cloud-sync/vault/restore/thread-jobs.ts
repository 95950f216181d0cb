import type { BlobId } from '../format/blob-id.ts';
import type { Attributes } from './staged-tree.ts';

/** What a restoring thread is given when it starts. */
export type RestoreThreadData = {
  /** The staging folder that all paths are relative to. */
  readonly root: string;
  /** That folder, open since before the first thread began. Not the thread's to close. */
  readonly rootFile: number;
  /** Of the repository: 64 bytes. */
  readonly key: Uint8Array;
  readonly owners: boolean;
  readonly sparse: boolean;
};

/** A file of which everything is known: created, filled and given its attributes at once. `index`: in the list of all files. */
export type JobFile = { readonly index: number; readonly path: string; readonly attributes: Attributes };

/** A file of several blobs, filled by several jobs: this blob goes to these places. */
export type JobPart = { readonly index: number; readonly path: string; readonly positions: number[] };

export type JobBlob = {
  readonly id: BlobId;
  /** Where it begins in the bytes of the job. */
  readonly start: number;
  readonly length: number;
  readonly uncompressedLength: number | undefined;
  readonly whole: readonly JobFile[];
  readonly parts: readonly JobPart[];
};

/** `sealed`: as they lie in the pack. Else the bytes are one blob, plain and verified. */
export type WriteJob = {
  readonly kind: 'write';
  readonly bytes: Uint8Array;
  readonly sealed: boolean;
  readonly blobs: readonly JobBlob[];
};

/** Files that hold all their blobs: their size is set, which is all of an empty file, and their attributes. */
export type FinishJob = {
  readonly kind: 'finish';
  readonly files: readonly (JobFile & { readonly bytes: number })[];
};

/** Which blobs do these files hold at their places? */
export type VerifyJob = {
  readonly kind: 'verify';
  readonly files: readonly {
    readonly index: number;
    readonly path: string;
    readonly chunks: readonly { readonly id: BlobId; readonly bytes: number }[];
  }[];
};

/** Makes all that is in the staging folder durable. `paths`: of what has to be synced one by one where there is no syncfs. */
export type SyncJob = { readonly kind: 'sync'; readonly paths: readonly string[] };

export type RestoreJob = WriteJob | FinishJob | VerifyJob | SyncJob;

export type FileFailure = {
  readonly index: number;
  readonly code: 'unwritable' | 'attribute';
  readonly message: string;
};

export type RestoreResult = {
  readonly failures: readonly FileFailure[];
  /** Of a write job: places in `blobs` of those that are not what their ids say. */
  readonly damaged: readonly number[];
  /** Of a verify job: for each file its chunks that are right, by their place. */
  readonly found: readonly { readonly index: number; readonly chunks: readonly number[] }[];
};

export type ThreadRequest = { readonly id: number; readonly job: RestoreJob };

export type ThreadReply =
  | { readonly id: number; readonly result: RestoreResult }
  /** What makes going on senseless: no space is left, a disk that fails. */
  | { readonly id: number; readonly fatal: { readonly code: string; readonly message: string } };
