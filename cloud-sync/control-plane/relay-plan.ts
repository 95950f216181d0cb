import type { RelayEntry } from '../protocol/relay-batch.ts';

export type RelayPlan = {
  /** What is new: the whole batch as it came, or the rest of it in order. Empty for a repeated batch, and for one that would leave a hole. */
  readonly store: 'whole' | readonly RelayEntry[];
  /** What to acknowledge once that is committed. */
  readonly acknowledge: number;
};

export type RelayRange = { readonly firstSeq: number; readonly lastSeq: number };

/** What to do with a faultless batch when the stream is stored up to `stored`; `entries` is asked only for an overlap. [G5] */
export function planRelay(
  { firstSeq, lastSeq }: RelayRange,
  stored: number,
  entries: () => readonly RelayEntry[],
): RelayPlan {
  if (firstSeq > stored + 1 || lastSeq <= stored) return { store: [], acknowledge: stored };
  if (firstSeq === stored + 1) return { store: 'whole', acknowledge: lastSeq };
  const store = entries()
    .filter(({ seq }) => seq > stored)
    .map((entry) => shorten(entry, stored));
  return { store, acknowledge: lastSeq };
}

/** A gap whose beginning is stored already counts only what is new. */
function shorten(entry: RelayEntry, stored: number): RelayEntry {
  if (!entry.gap) return entry;
  const count = Math.min(entry.gap.count, entry.seq - stored);
  return { ...entry, gap: { ...entry.gap, count } };
}
