import type { Draft } from './ledger.ts';
import { maxSeq, messageId } from './message-ids.ts';
import { readUpTo } from './readers.ts';
import { leaveGaps, type Row } from './retention.ts';
import type { StreamOperation, StreamPolicy } from './stream-operations.ts';
import type { Writes } from './statements.ts';

type Compact = Extract<StreamOperation, { op: 'compact' }>;
type Keyed = Row & { readonly key: string | null };

/**
 * Drops superseded messages. A message was either old when the next one of its key came, and goes when that one is looked
 * at, or it grew old later, and goes when it is looked at itself: each look costs one step, however many share a key.
 */
export function compact(
  writes: Writes,
  draft: Draft,
  { stream, before, limit, after = 0 }: Compact,
  policy: StreamPolicy,
): void {
  const dropped = new Map<number, Row>();
  const { number } = draft.stream(stream);
  const first = messageId(number, 0);
  const last = messageId(number, maxSeq);
  const looked = writes.keyed.all(messageId(number, after), last, limit) as unknown as Keyed[];
  for (const row of looked) {
    if (row.key === null) continue;
    const id = messageId(number, row.seq);
    const older = writes.olderOfKey.get(row.key, first, id) as Row | undefined;
    const superseded = writes.newerOfKey.get(row.key, id, last) !== undefined;
    for (const one of [...(older ? [older] : []), ...(superseded ? [row] : [])])
      if (one.time < before) {
        writes.deleteMessage.run(messageId(number, one.seq));
        dropped.set(one.seq, one);
      }
  }
  if (dropped.size === 0) return;
  const rows = [...dropped.values()].sort((a, b) => a.seq - b.seq);
  const freed = rows.reduce((sum, { size }) => sum + size, 0);
  const { messages, bytes } = draft.stream(stream);
  draft.updateStream(stream, { messages: messages - rows.length, bytes: bytes - freed });
  // [G5] What not all readers had is counted.
  const floor = readUpTo(draft, stream, policy);
  const unread = rows.filter(({ seq }) => seq > floor);
  if (unread.length > 0) draft.dropped.push({ stream, reason: 'compacted', count: unread.length });
  leaveGaps(writes, number, 'compacted', unread);
}
