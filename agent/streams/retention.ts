import type { Draft } from './ledger.ts';
import { maxSeq, messageId } from './message-ids.ts';
import { readUpTo } from './readers.ts';
import type { GapReason, StreamPolicy } from './stream-operations.ts';
import type { Writes } from './statements.ts';

const pageRows = 500;

/** Cut a little deeper than asked, so that a full stream is not trimmed at every single append. */
const slack = 0.95;

export type Row = { readonly seq: number; readonly time: number; readonly size: number };

/** Messages dropped in one transaction for their bytes, as long as the stream does not grow by that: some milliseconds. */
const trimmedAtOnce = 2000;

/**
 * Drops the oldest messages of a stream that is over its bytes until it is within them. Of one that is far over, as its bound
 * was lowered, a slice, and not less than the transaction added: the next ones take the rest.
 */
export function trimToBytes(writes: Writes, draft: Draft, stream: string, policy: StreamPolicy): void {
  const target = policy.maxBytes * slack;
  const before = draft.bytesBefore(stream);
  let { bytes } = draft.stream(stream);
  let left = trimmedAtOnce;
  dropOldest(writes, draft, stream, { policy, reason: 'bytes' }, (row) => {
    if (bytes <= target || (left <= 0 && bytes <= before)) return false;
    bytes -= row.size;
    left--;
    return true;
  });
}

/** Drops the oldest messages of a stream, `limit` at most, that are older than `before`. */
export function trimByAge(
  writes: Writes,
  draft: Draft,
  stream: string,
  {
    before,
    limit = Number.POSITIVE_INFINITY,
    policy,
  }: { readonly before: number; readonly limit?: number | undefined; readonly policy: StreamPolicy },
): void {
  let left = limit;
  dropOldest(writes, draft, stream, { policy, reason: 'age' }, ({ time }) => time < before && left-- > 0);
}

/** Drops from the oldest on while `condemned` says so. Messages that not all readers had leave gap records. [G5] */
function dropOldest(
  writes: Writes,
  draft: Draft,
  stream: string,
  { policy, reason }: { readonly policy: StreamPolicy; readonly reason: GapReason },
  condemned: (row: Row) => boolean,
): void {
  const { number } = draft.stream(stream);
  const last = messageId(number, maxSeq);
  for (let after = 0, more = true; more;) {
    const page = writes.oldest.all(messageId(number, after), last, pageRows) as unknown as Row[];
    const end = page.findIndex((row) => !condemned(row));
    const dropped = end === -1 ? page : page.slice(0, end);
    more = end === -1 && page.length === pageRows;
    after = dropped.at(-1)?.seq ?? after;
    let freed = 0;
    for (const row of dropped) {
      writes.deleteMessage.run(messageId(number, row.seq));
      freed += row.size;
    }
    const { messages, bytes } = draft.stream(stream);
    draft.updateStream(stream, { messages: messages - dropped.length, bytes: bytes - freed });
    const floor = readUpTo(draft, stream, policy);
    const unread = dropped.filter(({ seq }) => seq > floor);
    if (unread.length > 0) draft.dropped.push({ stream, reason, count: unread.length });
    leaveGaps(writes, number, reason, unread);
  }
}

/** Of the stream with this number. One gap a contiguous run; with a neighbour of the same reason it becomes one, so gaps stay few. */
export function leaveGaps(writes: Writes, number: number, reason: GapReason, dropped: readonly Row[]): void {
  const end = messageId(number, maxSeq);
  for (const { first, last } of runs(dropped)) {
    const previousId = messageId(number, first.seq - 1);
    const before = Number(writes.gapAt.get(previousId, reason)?.count ?? 0);
    if (before > 0) writes.deleteMessage.run(previousId);
    const count = before + last.seq - first.seq + 1;
    const next = writes.firstIn.get(messageId(number, last.seq), end);
    const touches = next?.reason === reason && Number(next.seq) - Number(next.count) === last.seq;
    if (touches) writes.widenGap.run(count, messageId(number, Number(next.seq)));
    else writes.insertGap.run(messageId(number, last.seq), last.time, count, reason);
  }
}

function runs(rows: readonly Row[]): { first: Row; last: Row }[] {
  const found: { first: Row; last: Row }[] = [];
  for (const row of rows) {
    const current = found.at(-1);
    if (current?.last.seq === row.seq - 1) current.last = row;
    else found.push({ first: row, last: row });
  }
  return found;
}
