import type { RelayBatch, RelayEntry } from '../protocol/relay-batch.ts';

export type RelayPlan = {
  /** What is new, in order. Empty for a repeated batch, and for one that would leave a hole. */
  readonly store: readonly RelayEntry[];
  /** What to acknowledge once that is committed. */
  readonly acknowledge: number;
};

/** What to do with a faultless batch when the stream is stored up to `stored`. [G5] */
export function planRelay({ firstSeq, lastSeq, entries }: RelayBatch, stored: number): RelayPlan {
  if (firstSeq > stored + 1 || lastSeq <= stored) return { store: [], acknowledge: stored };
  const store = entries.filter(({ seq }) => seq > stored).map((entry) => shorten(entry, stored));
  return { store, acknowledge: lastSeq };
}

/** A gap whose beginning is stored already counts only what is new. */
function shorten(entry: RelayEntry, stored: number): RelayEntry {
  if (!entry.gap) return entry;
  const count = Math.min(entry.gap.count, entry.seq - stored);
  return { ...entry, gap: { ...entry.gap, count } };
}
