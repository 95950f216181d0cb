/**
 * A file or folder that could not be taken as it was: the snapshot is complete without it. `attribute`: it was taken, without an
 * extended attribute that the format has no place for.
 */
export type SnapshotProblem = {
  readonly path: string;
  readonly code: 'vanished' | 'changed' | 'unreadable' | 'unsupported' | 'attribute';
  readonly message: string;
};
