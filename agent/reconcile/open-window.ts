import type { UpdatesSpec } from '../../manifests/updates.ts';
import { CronSchedule } from '../triggers/cron-schedule.ts';

export type WindowState =
  | { readonly open: true }
  /** Milliseconds since 1970; undefined when none will open in the next hundred years. */
  | { readonly open: false; readonly opensMs: number | undefined };

/**
 * Whether one of the windows is open; without any there is no wait. A window opens as its cron expression says, also where
 * clocks change, and stays open for its duration as time passes, not as clocks show it.
 */
export function openWindow(windows: UpdatesSpec['windows'], nowMs: number): WindowState {
  if (windows.length === 0) return { open: true };
  const schedules = windows.map(({ cron, duration, timezone }) => ({
    duration,
    schedule: new CronSchedule(cron, timezone),
  }));
  const isOpen = schedules.some(
    ({ schedule, duration }) =>
      schedule.latest({ after: nowMs - duration, until: nowMs, count: 1 }).length > 0,
  );
  if (isOpen) return { open: true };
  const openings = schedules.flatMap(({ schedule }) => schedule.next(nowMs) ?? []);
  return { open: false, opensMs: openings.length === 0 ? undefined : Math.min(...openings) };
}
