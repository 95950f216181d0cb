import type { Outcome } from './job.ts';

/** What came of a job, for people; undefined when it was killed. */
export function outcomeText(outcome: Outcome | undefined): string {
  switch (outcome?.kind) {
    case undefined:
      return 'killed';
    case 'snapshot':
      return 'written';
    case 'prune':
      return `${outcome.forgotten.length} forgotten`;
    case 'restore':
      return `restored but for ${outcome.problemPaths.length}`;
    case 'check':
      return `${outcome.damage} damages`;
    case 'failed':
      return `${outcome.code}: ${outcome.message}`;
  }
}
