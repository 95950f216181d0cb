import { InvalidArgumentError } from 'commander';
import { durationSchema } from '../manifests/primitives.ts';

/** `2026-01-02T03:04:05Z`, a date alone, or `-1h`: that long ago. Gives RFC 3339 in UTC. `nowMs`: milliseconds since 1970. */
export function parseMoment(text: string, nowMs: number): string {
  const ago = durationSchema.safeParse(text.replace(/^-/, ''));
  const timeMs = ago.success ? nowMs - ago.data : moment(text);
  if (Number.isNaN(timeMs) || timeMs < 0)
    throw new InvalidArgumentError('Give a time such as 2026-01-02T03:04:05Z, or how long ago, such as -1h.');
  return new Date(timeMs).toISOString();
}

/** A time without an offset would mean another one on every machine. */
const moment = (text: string) =>
  /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
