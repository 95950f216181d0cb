import type { MessagePort } from 'node:worker_threads';
import type { ExtendedAttribute } from '../format/tree-node.ts';
import type { PackContents } from '../repository.ts';
import type { SharedClaims } from './blob-claims.ts';
import type { FileFacts, PackedFacts } from './file-facts.ts';
import type { SnapshotProblem } from './snapshot-problem.ts';

/** What a thread begins with. */
export type ThreadSetup = {
  /** The 64 bytes of the master key: handed over in memory only. */
  readonly key: Uint8Array;
  readonly claims: SharedClaims;
  /** Of zstd; 0 for none. */
  readonly level: number;
  /** One 32-bit number: how many more packs may be handed over before one is written. */
  readonly credits: SharedArrayBuffer;
  /** Memory of packs that are written comes back here, as ArrayBuffers. */
  readonly memory: MessagePort;
  /** Two 64-bit numbers that all threads add to: files and bytes read. */
  readonly progress: SharedArrayBuffer;
};

export type ToThread =
  | {
      readonly kind: 'read';
      readonly job: number;
      /** Divided by NUL; in the form of names in trees. */
      readonly paths: string;
      /** What the walker saw, file by file one after the other. */
      readonly facts: PackedFacts;
    }
  /** Hand over the packs that are not full; answered by `finished`. */
  | { readonly kind: 'finish' };

/** What is to be said of a file beyond its blobs. */
export type FileNote = {
  /** Which file of the job. */
  readonly file: number;
  /** Where they are others than the walker saw. */
  readonly facts?: FileFacts;
  readonly attributes?: readonly ExtendedAttribute[];
  /** Names of attributes without which it was taken. */
  readonly lost?: readonly string[];
  /** With `changed`, the file was taken as it was read; with the other codes it was not taken. */
  readonly problem?: Pick<SnapshotProblem, 'code' | 'message'>;
};

export type FilesRead = {
  readonly kind: 'read';
  readonly job: number;
  /** For each file how many blobs it has. */
  readonly blobCounts: Int32Array;
  /** For each file its bytes. */
  readonly sizes: Float64Array;
  /** 32 bytes each, of all files in order. */
  readonly ids: Uint8Array;
  readonly notes: readonly FileNote[];
};

export type FromThread =
  | FilesRead
  | { readonly kind: 'pack'; readonly contents: PackContents; readonly bytes: Uint8Array }
  | { readonly kind: 'finished' };
