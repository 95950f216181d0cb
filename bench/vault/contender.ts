import type { Run } from './run-program.ts';

export type ContenderName = 'holdfast' | 'restic' | 'borg';

/** A program that keeps snapshots of a folder in an encrypted repository, as a user would run it. */
export type Contender = {
  readonly name: ContenderName;
  /** What of it is measured; a peer that no figure needs for something is not made to do it. */
  readonly does: readonly Work[];
  /** Makes an empty repository; not measured. */
  createRepository(repository: string): Promise<void>;
  takeSnapshot(repository: string, folder: string): Promise<Run>;
  /** The newest snapshot into a folder that is not there; `restored` is where the entries of `folder` then are. */
  restore(
    repository: string,
    folder: string,
    target: string,
  ): Promise<{ readonly run: Run; readonly restored: string }>;
};

export type Work = 'first' | 'unchanged' | 'changed' | 'restore';
