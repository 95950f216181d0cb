import { backoffMs } from '../../lib/retry.ts';
import { CronSchedule } from '../triggers/cron-schedule.ts';
import type { VolumeState } from './vault-state.ts';

const retry = { minDelayMs: 30_000, maxDelayMs: 3_600_000 };

/**
 * When the next snapshot of a volume is due, in milliseconds since 1970: what was missed while the agent was off is due at
 * once, once. A failed one that is worth it is tried again earlier than its schedule says. Undefined: never.
 */
export function nextDueMs({ schedule, handledMs, failure }: VolumeState): number | undefined {
  const scheduled = scheduledMs(schedule, handledMs);
  if (failure?.retryMs == null) return scheduled;
  return scheduled === undefined ? failure.retryMs : Math.max(failure.retryMs, handledMs);
}

/** The first scheduled run after `handledMs`. */
export function scheduledMs(schedule: string, handledMs: number): number | undefined {
  return new CronSchedule(schedule, undefined).next(handledMs);
}

/** A volume that has a schedule, or another one than before: runs before now are not made up for. */
export function startSchedule(before: VolumeState | undefined, schedule: string, nowMs: number): VolumeState {
  if (before?.schedule === schedule) return before;
  const fresh = { schedule, handledMs: nowMs };
  return before ? { ...before, ...fresh } : { ...fresh, last: null, unchangedMs: null, failure: null };
}

/** The same state where nothing of it lies ahead of the clock. One snapshot too many is the worst that comes of it. */
export function followedClock(state: VolumeState, nowMs: number): VolumeState {
  const { handledMs, failure } = state;
  const wasAhead = failure?.retryMs != null && failure.timeMs > nowMs;
  if (handledMs <= nowMs && !wasAhead) return state;
  return {
    ...state,
    handledMs: Math.min(handledMs, nowMs),
    ...(wasAhead && { failure: { ...failure, timeMs: nowMs, retryMs: nowMs } }),
  };
}

/** How long until a failed snapshot is tried again; `attempts` failed in a row. */
export function retryDelayMs(attempts: number, random: () => number): number {
  return backoffMs(attempts, { ...retry, random });
}
