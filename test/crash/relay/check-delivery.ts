import type { SentMessage } from './sent-messages.ts';
import type { StoredRow } from './check-stored.ts';

/** A durable session is given every message that was acknowledged while it existed, at least once. [G1] */
export function checkSession(received: ReadonlySet<string>, sent: readonly SentMessage[]): string[] {
  const missing = sent.filter(({ id, acked }) => acked && !received.has(id)).map(({ id }) => id);
  if (missing.length === 0) return [];
  return [
    `the durable session did not get ${missing.length} acknowledged: ${missing.slice(0, 5).join(', ')}`,
  ];
}

/**
 * What one connection to the cloud was given of a stream is an unbroken stretch of what the cloud stored: in order, none
 * left out in between, none twice.
 */
export function checkStretch(received: readonly string[], rows: readonly StoredRow[]): string[] {
  const [first] = received;
  if (first === undefined) return [];
  const stored = rows.flatMap(({ id }) => (id === undefined ? [] : [id]));
  // A message may be stored again by a publisher's repetition: any place of the first one may be the beginning.
  const places = stored.flatMap((id, place) => (id === first ? [place] : []));
  if (places.length === 0) return [`a subscriber of the cloud got ${first}, which is not stored`];
  const faults = places.map((place) => received.findIndex((id, index) => stored[place + index] !== id));
  if (faults.includes(-1)) return [];
  const furthest = Math.max(...faults);
  const expected = stored[(places[faults.indexOf(furthest)] ?? 0) + furthest];
  return [
    `a subscriber of the cloud got ${received[furthest] ?? ''} where ${expected ?? 'the end of the stored'} follows`,
  ];
}
