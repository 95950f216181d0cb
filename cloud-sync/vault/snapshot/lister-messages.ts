import type { MessagePort } from 'node:worker_threads';
import type { PackedFacts } from './file-facts.ts';
import type { FolderListing } from './list-folder.ts';

/** What a thread that lists begins with. */
export type ListerSetup = {
  /** Absolute. */
  readonly folder: string;
  readonly excludes: readonly string[];
  /** See WalkPosition. */
  readonly position: SharedArrayBuffer;
  /** Takes lists of ListedFolder. */
  readonly port: MessagePort;
};

export type ListedFolder = Pick<FolderListing, 'newestNs' | 'problems'> & {
  readonly path: string;
  /** Divided by NUL. */
  readonly names: string;
  readonly facts: PackedFacts;
  /** Of a part of a folder: the number of the first of its names, and what they are before any was left out, divided by NUL. */
  readonly part?: { readonly from: number; readonly names: string };
};
