import type { RestoreProblem } from '../../cloud-sync/vault/restore/restore-problem.ts';
import { plural } from '../plural.ts';

/** What helps after a restore that had to leave entries out; `placed`: the others are in the target. */
export function lostEntriesHint(lost: readonly Pick<RestoreProblem, 'code'>[], placed: boolean): string {
  if (lost.every(({ code }) => code === 'unwritable'))
    return placed
      ? 'The snapshot has them: what is named above was in the way here. Only root can make devices.'
      : 'The snapshot has them: what is named above was in the way here. Take the rest with --allow-damaged.';
  return placed
    ? 'See what is damaged: holdfast vault check. Another snapshot may have these files whole.'
    : 'Restore another snapshot, or take what is whole with --allow-damaged.';
}

/** Where what was not lost is. */
export function otherFilesText(count: number, target: string): string {
  if (count === 0) return `There is no other file; its folders are in ${target}.`;
  return count === 1
    ? `The other file is in ${target}.`
    : `The other ${plural(count, 'file')} are in ${target}.`;
}
