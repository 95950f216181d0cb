import type { Snapshot } from '../../cloud-sync/vault/format/snapshot-document.ts';
import { orderMs } from '../../cloud-sync/vault/upkeep/snapshot-moment.ts';
import { nearest } from '../../manifests/nearest.ts';
import { CliError } from '../errors.ts';
import { printable } from '../printable.ts';
import { shortIdDigits, subjectOf } from './snapshot-text.ts';

const shownMatches = 8;

/**
 * The snapshot that a person named: `latest`, `latest:VOLUME` (or a path), an id or the beginning of one. `snapshots`: oldest first.
 * Throws 'notFound' with the nearest id, 'usage' when several begin like this.
 */
export function chooseSnapshot(snapshots: readonly Snapshot[], text: string): Snapshot {
  const [, subject] = /^latest(?::(.+))?$/s.exec(text) ?? [];
  if (text === 'latest' || subject !== undefined) return latestOf(snapshots, subject);
  const wanted = text.toLowerCase();
  const matches = /^[0-9a-f]{1,64}$/.test(wanted) ? snapshots.filter(({ id }) => id.startsWith(wanted)) : [];
  const [match] = matches;
  if (match === undefined) throw unknown(snapshots, text);
  if (matches.length === 1) return match;
  throw new CliError('usage', `${text} begins ${matches.length} snapshots.`, {
    details: matches.slice(0, shownMatches).map(describe),
    hint: 'Give more digits of the one you mean.',
  });
}

/** Whether a snapshot is of this volume or path. */
export function isOf({ document: { paths } }: Snapshot, subject: string): boolean {
  return paths.some((path) => path === subject || path === `/volumes/${subject}`);
}

function latestOf(snapshots: readonly Snapshot[], subject: string | undefined): Snapshot {
  const among = subject === undefined ? snapshots : snapshots.filter((snapshot) => isOf(snapshot, subject));
  const nowMs = Date.now();
  const latest = among.reduce<Snapshot | undefined>(
    (best, one) => (best === undefined || orderMs(one, nowMs) >= orderMs(best, nowMs) ? one : best),
    undefined,
  );
  if (latest !== undefined) return latest;
  if (subject === undefined || snapshots.length === 0)
    throw new CliError('notFound', 'There are no snapshots yet.', {
      hint: 'Take one with: holdfast snapshot.',
    });
  const subjects = [...new Set(snapshots.map(subjectOf))];
  const near = nearest(subject, subjects);
  throw new CliError('notFound', `There is no snapshot of ${printable(subject)}.`, {
    hint: near === undefined ? `There are some of: ${subjects.join(', ')}.` : `Did you mean ${near}?`,
  });
}

function unknown(snapshots: readonly Snapshot[], text: string): CliError {
  const near = nearest(
    text.toLowerCase(),
    snapshots.map(({ id }) => id.slice(0, text.length)),
  );
  const found = snapshots.find(({ id }) => near !== undefined && id.startsWith(near));
  return new CliError('notFound', `There is no snapshot ${printable(text)}.`, {
    hint: found
      ? `Did you mean ${found.id.slice(0, Math.max(text.length, shortIdDigits))} of ${subjectOf(found)}?`
      : 'See them with: holdfast snapshot list. An id may be shortened; latest and latest:VOLUME work too.',
  });
}

function describe(snapshot: Snapshot): string {
  return `  ${snapshot.id.slice(0, 16)}  ${snapshot.document.time.slice(0, 19)}  ${subjectOf(snapshot)}`;
}
