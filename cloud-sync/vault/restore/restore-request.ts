import type { Logger } from '../../../lib/logger.ts';
import type { Repository } from '../repository.ts';

export type RestoreRequest = {
  readonly repository: Repository;
  /** Its id. */
  readonly snapshot: string;
  /** Only this file or folder of the snapshot, as a path from its root; its own name becomes an entry of `target`. Default everything. */
  readonly path?: string;
  /**
   * Where the entries go. With `replace` the folder's present state is exchanged as a whole once the new one is whole on disk; else the
   * folder must be empty or missing.
   */
  readonly target: string;
  readonly replace?: boolean;
  /** Runs of zeros become holes. Default true. */
  readonly sparse?: boolean;
  /** Owners need privileges; default when this process is root. */
  readonly owners?: boolean;
  readonly threads?: number;
  readonly onProgress?: (progress: RestoreProgress) => void;
  readonly logger: Logger;
  readonly signal: AbortSignal;
};

export type RestoreProgress = {
  readonly phase: 'planning' | 'verifying' | 'writing' | 'finishing';
  readonly filesDone: number;
  readonly filesTotal: number;
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly bytesPerSecond: number;
  readonly remainingMs: number | null;
};

/** What could not be given back: never written as if it were good. [G8] */
export type RestoreProblem = {
  readonly path: string;
  readonly code: 'missing' | 'damaged' | 'unwritable' | 'attribute';
  readonly message: string;
};

export type RestoreOutcome = {
  readonly snapshot: string;
  readonly files: number;
  readonly folders: number;
  readonly bytes: number;
  /** Bytes of files that an interrupted restore had written already and that were found to be right. */
  readonly resumedBytes: number;
  readonly durationMs: number;
  readonly problems: readonly RestoreProblem[];
  readonly problemCount: number;
};
