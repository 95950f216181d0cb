import type { Draft } from './ledger.ts';
import { maxSeq, messageId } from './message-ids.ts';
import type { Writes } from './statements.ts';

/**
 * Takes the numbers of all streams that have no row any more, neither message nor gap record, but of those in `kept`. What else
 * is known of such a stream stays: its messages go on behind its last one, under the number that it gets with the next, so that
 * cursors and the cloud cannot take a new message for an old one.
 */
export function giveNumbersBack(writes: Writes, draft: Draft, kept: ReadonlySet<string>): void {
  for (const [name, { number, messages }] of draft.knownStreams()) {
    if (number === 0 || messages > 0 || kept.has(name)) continue;
    if (writes.firstIn.get(messageId(number, 0), messageId(number, maxSeq))) continue;
    // At once: the index of numbers would not let the next one have it before.
    writes.giveNumberBack.run(name);
    draft.giveNumberBack(name);
  }
}
