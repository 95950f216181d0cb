import { InvalidArgumentError } from 'commander';
import { readDuration } from '../manifests/amounts.ts';
import { parseTime } from './parse-time.ts';

/** A time, or `-1h`: that long ago. Gives RFC 3339 in UTC. `nowMs`: milliseconds since 1970. */
export function parseMoment(text: string, nowMs: number): string {
  const agoMs = readDuration(text.replace(/^-/, ''));
  const timeMs = agoMs === undefined ? parseTime(text) : nowMs - agoMs;
  if (Number.isNaN(timeMs) || timeMs < 0)
    throw new InvalidArgumentError('Give a time such as 2026-01-02T03:04:05Z, or how long ago, such as -1h.');
  return new Date(timeMs).toISOString();
}
