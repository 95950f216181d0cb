import type { Logger } from '../../../lib/logger.ts';
import type { Repository } from '../repository.ts';
import type { ListAhead } from './list-ahead.ts';
import type { SnapshotProblem } from './snapshot-problem.ts';

export type SnapshotRequest = {
  readonly repository: Repository;
  /** The folder whose entries become the root of the snapshot. */
  readonly folder: string;
  /** What the snapshot says it is of: absolute, stable over restores of the machine. Also finds the parent. */
  readonly recordedPath: string;
  readonly hostname: string;
  readonly tags: readonly string[];
  /** Patterns as in .gitignore, relative to `folder`. */
  readonly excludes: readonly string[];
  /** The id of a snapshot to compare with, 'latest' (of this host and path), or 'none': every file is read. */
  readonly parent: string;
  /**
   * A file that remembers what the last snapshot saw, so that the next need not read its trees; made, replaced, and believed only when it
   * fits the parent. Beside it there are one named like it with `.entries` behind, and one for all snapshots into the repository.
   */
  readonly memory?: string;
  /** Threads that read, hash, compress and encrypt; default one a core. */
  readonly threads?: number;
  /** Bytes a second into the repository, at most, over a few seconds. */
  readonly bytesPerSecond?: number;
  /** RFC 3339; default now. */
  readonly time?: string;
  /** When nothing changed since the parent, no new snapshot: the outcome names the parent. Default false. */
  readonly skipUnchanged?: boolean;
  /** Of the same folder and excludes, begun before. */
  readonly ahead?: Pick<ListAhead, 'startMs' | 'position' | 'take' | 'other'>;
  readonly onProgress?: (progress: SnapshotProgress) => void;
  readonly logger: Logger;
  readonly signal: AbortSignal;
};

export type SnapshotProgress = {
  readonly filesDone: number;
  readonly bytesDone: number;
  /** Null while the folder is still being walked. */
  readonly filesTotal: number | null;
  readonly bytesTotal: number | null;
  /** Stored in the repository so far, compressed. */
  readonly bytesAdded: number;
  readonly bytesPerSecond: number;
  readonly remainingMs: number | null;
};

export type SnapshotOutcome = {
  readonly id: string;
  readonly parent: string | null;
  /** No snapshot was written, `id` is the parent's. */
  readonly skipped: boolean;
  readonly files: { readonly new: number; readonly changed: number; readonly unmodified: number };
  readonly folders: number;
  /** Bytes of all files in the snapshot. */
  readonly totalBytes: number;
  /** Plain bytes that were not in the repository before, and what they take in it. */
  readonly newBytes: number;
  readonly storedBytes: number;
  readonly durationMs: number;
  /** At most 1,000; `problemCount` counts all. */
  readonly problems: readonly SnapshotProblem[];
  readonly problemCount: number;
};
