import type { SnapshotProblem } from './snapshot-problem.ts';

const maxListed = 1_000;

/** What could not be taken as it was: all are counted, the first thousand are kept. */
export class ProblemList {
  readonly #listed: SnapshotProblem[] = [];
  #count = 0;

  add(problem: SnapshotProblem): void {
    this.#count += 1;
    if (this.#listed.length < maxListed) this.#listed.push(problem);
  }

  get listed(): readonly SnapshotProblem[] {
    return this.#listed;
  }

  get count(): number {
    return this.#count;
  }
}
