import type { RelayBatch, RelayMessage } from '../protocol/messages.ts';

/** Undefined when the batch keeps its own promises (see `relayBatchSchema`); otherwise what it breaks. */
export function batchFault({ firstSeq, lastSeq, messages }: RelayBatch): string | undefined {
  let next = firstSeq;
  for (const message of messages) {
    const expected = 'gap' in message ? next + message.gap.count - 1 : next;
    if (message.seq !== expected) return `number ${message.seq} stands where ${expected} belongs`;
    next = expected + 1;
  }
  return next === lastSeq + 1 ? undefined : `it ends with ${next - 1}, not ${lastSeq}`;
}

export type RelayPlan = {
  /** What is new, in order. Empty for a repeated batch, and for one that would leave a hole. */
  readonly store: readonly RelayMessage[];
  /** What to acknowledge once that is committed. */
  readonly acknowledge: number;
};

/** What to do with a faultless batch when the stream is stored up to `stored`. [G5] */
export function planRelay({ firstSeq, lastSeq, messages }: RelayBatch, stored: number): RelayPlan {
  if (firstSeq > stored + 1 || lastSeq <= stored) return { store: [], acknowledge: stored };
  const store = messages.filter(({ seq }) => seq > stored).map((message) => shorten(message, stored));
  return { store, acknowledge: lastSeq };
}

/** A gap whose beginning is stored already counts only what is new. */
function shorten(message: RelayMessage, stored: number): RelayMessage {
  if (!('gap' in message)) return message;
  const count = Math.min(message.gap.count, message.seq - stored);
  return { ...message, gap: { ...message.gap, count } };
}
