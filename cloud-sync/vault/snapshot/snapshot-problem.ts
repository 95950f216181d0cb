/** A file or folder that could not be taken as it was: the snapshot is complete without it. */
export type SnapshotProblem = {
  readonly path: string;
  readonly code: 'vanished' | 'changed' | 'unreadable' | 'unsupported';
  readonly message: string;
};
