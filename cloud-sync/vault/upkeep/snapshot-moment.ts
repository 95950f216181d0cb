import type { Snapshot } from '../format/snapshot-document.ts';

/** A time, and where it was told: milliseconds since 1970, and ahead of UTC. */
export type Moment = { readonly ms: number; readonly offsetMs: number };

const offsetPattern = /([+-])(\d{2}):(\d{2})$/;

const lastMs = Date.UTC(9999, 11, 31);

/** What the snapshot says of itself: whoever took it may say anything. A text that is no time of the years 0 to 9999 counts as 1970. */
export function claimedMoment({ document }: Snapshot): Moment {
  const ms = Date.parse(document.time);
  if (!(Math.abs(ms) < lastMs)) return { ms: 0, offsetMs: 0 };
  const [, sign, hours = '0', minutes = '0'] = offsetPattern.exec(document.time) ?? [];
  const offsetMs = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return { ms, offsetMs: sign === '-' ? -offsetMs : offsetMs };
}

/** What the store says, in UTC; what the snapshot says where the store is silent. */
export function receivedMoment(snapshot: Snapshot): Moment {
  return snapshot.receivedMs === null ? claimedMoment(snapshot) : { ms: snapshot.receivedMs, offsetMs: 0 };
}

/** Clocks of honest machines differ by less. */
const clockSkewMs = 24 * 60 * 60 * 1000;

/**
 * By which the newest of a volume is chosen, in milliseconds since 1970: what the snapshot says. One that claims a time to come was taken by
 * a clock that was wrong and would stay the newest for as long: it counts as when the store received it, or as the oldest.
 */
export function orderMs(snapshot: Snapshot, nowMs: number): number {
  const { ms } = claimedMoment(snapshot);
  return ms <= nowMs + clockSkewMs ? ms : (snapshot.receivedMs ?? 0);
}
