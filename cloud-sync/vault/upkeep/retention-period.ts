import type { Moment } from './snapshot-moment.ts';

export const periods = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;
export type Period = (typeof periods)[number];

const dayMs = 86_400_000;

/** The name of the hour, day, week (ISO 8601), month or year that a moment lies in, by the moment's own offset from UTC. */
export function periodOf({ ms, offsetMs }: Moment, period: Period): string {
  const local = new Date(ms + offsetMs);
  const text = local.toISOString();
  const day = text.slice(0, text.indexOf('T'));
  switch (period) {
    case 'hourly':
      return `hour ${day} ${text.slice(day.length + 1, day.length + 3)}`;
    case 'daily':
      return `day ${day}`;
    case 'weekly':
      return `week ${isoWeek(local)}`;
    case 'monthly':
      return `month ${day.slice(0, -3)}`;
    case 'yearly':
      return `year ${day.slice(0, -6)}`;
    default:
      return period satisfies never;
  }
}

/** A week belongs to the year that its Thursday is in. */
function isoWeek(local: Date): string {
  const weekday = (local.getUTCDay() + 6) % 7;
  const thursday = new Date(local.getTime() + (3 - weekday) * dayMs);
  const year = thursday.getUTCFullYear();
  const dayOfYear = Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / dayMs);
  return `${year}-W${String(Math.floor(dayOfYear / 7) + 1).padStart(2, '0')}`;
}
