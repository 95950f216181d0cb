import type { Logger } from '../../../lib/logger.ts';
import type { Repository } from '../repository.ts';
import type { RestorePlan } from './restore-plan.ts';
import type { RestoreProblem } from './restore-problem.ts';

export type { RestoreProblem };

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
  /**
   * Whether what could be given back takes its place when files had to be left out (a `missing`, `damaged` or `unwritable` problem).
   * Default true, and false with `replace`. When it does not, the staged files stay for the next call.
   */
  readonly allowDamaged?: boolean;
  /** Runs of zeros become holes. Default true. */
  readonly sparse?: boolean;
  /** Owners need privileges; default when this process is root. */
  readonly owners?: boolean;
  readonly threads?: number;
  /** A plan of the same, from `planRestore`: the trees are not read again then. */
  readonly plan?: RestorePlan;
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

export type RestoreOutcome = {
  readonly snapshot: string;
  /** The target has the new state, durable. False when problems kept it from there: see `allowDamaged`. */
  readonly placed: boolean;
  readonly files: number;
  readonly folders: number;
  readonly bytes: number;
  /** Bytes of files that an interrupted restore had written already and that were found to be right. */
  readonly resumedBytes: number;
  readonly durationMs: number;
  /** Every file that was left out; of `attribute` problems the first 1,000, while `problemCount` counts all. */
  readonly problems: readonly RestoreProblem[];
  readonly problemCount: number;
};
