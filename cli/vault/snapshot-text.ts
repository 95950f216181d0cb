import type { Snapshot } from '../../cloud-sync/vault/format/snapshot-document.ts';
import { printable } from '../printable.ts';

/** As restic shortens ids. */
export const shortIdDigits = 8;

export function shortId(id: string): string {
  return id.slice(0, shortIdDigits);
}

/** What it is of: the volume's name, or the paths. */
export function subjectOf({ document: { paths } }: Snapshot): string {
  return printable(paths.map((path) => /^\/volumes\/([^/]+)$/.exec(path)?.[1] ?? path).join(', '));
}

/** `2026-11-21 18:05:03` in UTC. `time`: RFC 3339 or milliseconds since 1970. */
export function shortTime(time: string | number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? '?' : date.toISOString().slice(0, 19).replace('T', ' ');
}
