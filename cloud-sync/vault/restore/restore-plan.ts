import type { Snapshot } from '../format/snapshot-document.ts';
import type { RestoreProblem } from './restore-problem.ts';

/** What a restore would do. */
export type RestorePlan = {
  readonly snapshot: Snapshot;
  readonly files: number;
  readonly folders: number;
  /** Of all files. */
  readonly bytes: number;
  /** Read from the repository. */
  readonly packsBytes: number;
  /** On disk, in blocks; zeros become holes. */
  readonly neededBytes: number;
  /** Where the target is or would be; null without a target. */
  readonly freeBytes: number | null;
  /** An interrupted restore of the same to the same target would be gone on with. */
  readonly isResumable: boolean;
  /** What is known to be missing before any file is read. */
  readonly problems: readonly RestoreProblem[];
};
