/** What could not be given back: never written as if it were good. [G8] */
export type RestoreProblem = {
  /** From the root of the snapshot, with a slash at the beginning. A folder stands for all that is below it. */
  readonly path: string;
  readonly code: 'missing' | 'damaged' | 'unwritable' | 'attribute';
  readonly message: string;
};
