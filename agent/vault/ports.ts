import type { SnapshotProgress } from '../../cloud-sync/vault/snapshot/snapshot-request.ts';
import type { JobStep, OpenedRepository, VaultAccess, VaultTask, VaultTaskResult } from './job-protocol.ts';

export type JobOptions = {
  readonly onOpened: (opened: OpenedRepository) => void;
  readonly onSnapshotProgress?: (progress: SnapshotProgress) => void;
  readonly onStep?: (step: JobStep) => void;
  /** Ends the job; what it wrote stays good. */
  readonly signal: AbortSignal;
};

/** Does one task on a repository. Rejects with a SyncError; with the signal's reason when that aborts. */
export type JobRunner = (
  access: VaultAccess,
  task: VaultTask,
  options: JobOptions,
) => Promise<VaultTaskResult>;

/** What decides whether a scheduled snapshot waits. */
export type Surroundings = {
  readonly power: 'mains' | 'battery' | 'unknown';
  readonly link: 'metered' | 'unmetered' | 'unknown';
};

/** Notices whether a folder changes: a hint, not a fact. To be disposed of. */
export type ChangeWatch = Disposable & {
  /** From now on. Never rejects; what cannot be watched is not quiet. */
  arm(): Promise<void>;
  /** Whether it is armed and nothing came since. Never rejects. */
  isQuiet(): Promise<boolean>;
};
