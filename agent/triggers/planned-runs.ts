import type { CronSchedule } from './cron-schedule.ts';

export type MissedRuns = 'skip' | 'once' | 'all';

export type DueRuns = {
  /** To be run now, planned for then, oldest first; milliseconds since 1970. */
  readonly runs: readonly number[];
  /** Every run up to this one has been looked at. */
  readonly planned: number;
};

/** A run that is no later than this is on time: a busy or sleeping machine wakes late. */
const graceMs = 30_000;
const maxMissed = 100;

/**
 * Which runs of a schedule in (planned, now] are to be run: the one that is on time and, of those missed, none (`skip`), the
 * latest (`once`), or all, at most the latest 100. Nothing is due while the clock stands behind `planned`.
 */
export function dueRuns(
  schedule: CronSchedule,
  { planned, nowMs, missed }: { planned: number; nowMs: number; missed: MissedRuns },
): DueRuns {
  const count = missed === 'all' ? maxMissed : 1;
  const latest = schedule.latest({ after: planned, until: nowMs, count });
  const last = latest.at(-1);
  if (last === undefined) return { runs: [], planned };
  const runs = missed === 'skip' ? latest.filter((run) => nowMs - run <= graceMs) : latest;
  return { runs, planned: last };
}
