const pattern = /^(\d{4}-\d{2}-(\d{2}))(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-]\d{2}:\d{2})?)?$/i;

/**
 * `2026-01-02T03:04:05Z`, `2026-01-02 03:04`, a date alone: milliseconds since 1970, NaN when it is no time since then.
 * UTC where no zone is written: a time of this machine would mean another one on the next.
 */
export function parseTime(text: string): number {
  const [, date, day, clock = '00:00', zone = 'Z'] = pattern.exec(text) ?? [];
  // Date.parse takes the 31st of every month, and gives a day of the next.
  if (date === undefined || new Date(`${date}T00:00Z`).getUTCDate() !== Number(day)) return Number.NaN;
  const timeMs = Date.parse(`${date}T${clock}${zone.toUpperCase()}`);
  return timeMs < 0 ? Number.NaN : timeMs;
}
