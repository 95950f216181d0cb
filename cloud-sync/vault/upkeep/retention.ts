import type { VolumeSpec } from '../../../manifests/data.ts';
import type { Snapshot } from '../format/snapshot-document.ts';
import { periodOf, periods, type Period } from './retention-period.ts';
import { claimedMoment, receivedMoment, type Moment } from './snapshot-moment.ts';

/** A manifest's `keep`: counts, and `within` in milliseconds. */
export type Keep = NonNullable<VolumeSpec['keep']>;

type KeptSnapshot = {
  readonly snapshot: Snapshot;
  /** For people, such as `last of day 2026-11-21`; never empty. */
  readonly reasons: readonly string[];
};

/** Snapshots of one host and the same paths: retention counts within a group. */
export type RetentionGroup = {
  readonly hostname: string;
  readonly paths: readonly string[];
  /** Newest first, as the others. */
  readonly kept: readonly KeptSnapshot[];
  readonly removed: readonly Snapshot[];
};

type Dated = { readonly snapshot: Snapshot; readonly moment: Moment };
type Reasons = Map<string, string[]>;

/**
 * Which snapshots stay. Two clocks vote, and what either keeps stays:
 *
 * - The times that snapshots claim, by restic's rules: the last of each period, the newest N, all within a time of the newest. So
 *   nothing goes that `restic forget` would keep, also not after a repository was copied and every file is of today.
 * - The store's receive times, by the same rules, and the first of each period besides. Who holds a device's credential can add
 *   snapshots with any claim, but only now: no period that has ended changes, and what came first in the present one stays first. So
 *   a flood takes nothing from `within`, and from each period no more than what lay between its first and its last.
 *
 * What this cannot give: `last` counts snapshots, and a flood of that many fills it; and what is added for as long as a period's count
 * reaches back outlives it. A `keep` that says nothing keeps everything. `nowMs`: what claims to be later is not what `within` counts from.
 */
export function chooseKept(
  snapshots: readonly Snapshot[],
  keep: Keep,
  nowMs: number,
): readonly RetentionGroup[] {
  return groupsOf(snapshots).map((group) => {
    const reasons: Reasons = new Map();
    const byClaim = newestFirst(group, claimedMoment);
    const byReceipt = newestFirst(group, receivedMoment);
    vote(byClaim, { keep, nowMs, reasons, firstToo: false });
    vote(byReceipt, { keep, nowMs, reasons, firstToo: true });
    const kept = byReceipt.flatMap(({ snapshot }) => keptFor(snapshot, reasons));
    const removed = byReceipt.flatMap(({ snapshot }) => (reasons.has(snapshot.id) ? [] : [snapshot]));
    const [{ document } = never()] = group;
    return { hostname: document.hostname, paths: [...document.paths].sort(), kept, removed };
  });
}

/** Whether a `keep` says anything. */
export function keepsAll(keep: Keep): boolean {
  return Object.values(keep).every((value) => value === undefined);
}

type Ballot = {
  readonly keep: Keep;
  readonly nowMs: number;
  readonly reasons: Reasons;
  readonly firstToo: boolean;
};

function vote(dated: readonly Dated[], { keep, nowMs, reasons, firstToo }: Ballot): void {
  const stay = ({ snapshot }: Dated, reason: string): void => {
    const known = reasons.get(snapshot.id) ?? [];
    reasons.set(snapshot.id, known.includes(reason) ? known : [...known, reason]);
  };
  if (keepsAll(keep)) for (const each of dated) stay(each, 'nothing says what goes');
  for (const each of dated.slice(0, keep.last ?? 0)) stay(each, `among the last ${keep.last}`);
  for (const each of within(dated, keep.within, nowMs)) stay(each, 'within the time to keep all');
  for (const period of periods) {
    for (const [name, members] of lastPeriods(dated, period, keep[period] ?? 0)) {
      const [last = never()] = members;
      stay(last, `last of ${name}`);
      if (firstToo) stay(members.at(-1) ?? last, `first of ${name}`);
    }
  }
}

/** Counted from the newest, not from now: a machine that was off for long loses nothing. The edge itself is outside, as restic's is. */
function within(dated: readonly Dated[], withinMs: number | undefined, nowMs: number): readonly Dated[] {
  const newest = dated.find(({ moment }) => moment.ms <= nowMs);
  if (withinMs === undefined) return [];
  if (!newest) return dated;
  return dated.filter(({ moment }) => moment.ms > newest.moment.ms - withinMs);
}

/** The newest `count` periods that have snapshots, each with its own, newest first. */
function lastPeriods(dated: readonly Dated[], period: Period, count: number): Map<string, Dated[]> {
  const found = new Map<string, Dated[]>();
  for (const each of dated) {
    const name = periodOf(each.moment, period);
    const members = found.get(name);
    if (members) members.push(each);
    else if (found.size === count) break;
    else found.set(name, [each]);
  }
  return found;
}

function keptFor(snapshot: Snapshot, reasons: Reasons): KeptSnapshot[] {
  const known = reasons.get(snapshot.id);
  return known ? [{ snapshot, reasons: known }] : [];
}

function newestFirst(group: readonly Snapshot[], momentOf: (snapshot: Snapshot) => Moment): Dated[] {
  const dated = group.map((snapshot) => ({ snapshot, moment: momentOf(snapshot) }));
  // Of the same moment, which one stays must not depend on the order of a listing.
  return dated.sort((a, b) => b.moment.ms - a.moment.ms || (a.snapshot.id < b.snapshot.id ? -1 : 1));
}

function groupsOf(snapshots: readonly Snapshot[]): Snapshot[][] {
  const groups = Map.groupBy(snapshots, ({ document }) =>
    JSON.stringify([document.hostname, [...document.paths].sort()]),
  );
  return [...groups.values()];
}

function never(): never {
  throw new Error('A group of snapshots is never empty');
}
