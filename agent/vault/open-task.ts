import type { Repository } from '../../cloud-sync/vault/repository.ts';
import type { SnapshotProgress } from '../../cloud-sync/vault/snapshot/snapshot-request.ts';
import type { SnapshotFloor } from '../../cloud-sync/vault/upkeep/floor.ts';
import type { Logger } from '../../lib/logger.ts';
import type { JobStep, OpenedRepository, VaultAccess } from './job-protocol.ts';

export type TaskContext = {
  readonly signal: AbortSignal;
  readonly logger: Logger;
  readonly onOpened: (opened: OpenedRepository) => void;
  readonly onSnapshotProgress: (progress: SnapshotProgress) => void;
  readonly onStep: (step: JobStep) => void;
};

/** A task whose repository is open. */
export type OpenTask = TaskContext & {
  readonly repository: Repository;
  readonly slot: string;
  readonly access: VaultAccess;
  readonly floor: SnapshotFloor;
  readonly waitMs: number;
};
