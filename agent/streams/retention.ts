import type { Draft } from './ledger.ts';
import type { GapReason } from './operations.ts';
import type { Writes } from './statements.ts';

const pageRows = 500;

/** Cut a little deeper than asked, so that a full stream is not trimmed at every single append. */
const slack = 0.95;

type Row = { readonly seq: number; readonly time: number; readonly size: number };

/** Drops the oldest messages of a stream until it is within its bytes. */
export function trimToBytes(
  writes: Writes,
  draft: Draft,
  stream: string,
  { maxBytes, relayed }: { readonly maxBytes: number; readonly relayed: boolean },
): void {
  const target = maxBytes * slack;
  let bytes = draft.stream(stream).bytes;
  dropOldest(writes, draft, stream, relayed ? 'bytes' : undefined, (row) => {
    if (bytes <= target) return false;
    bytes -= row.size;
    return true;
  });
}

/** Drops the messages of a stream that are older than `before`. */
export function trimByAge(
  writes: Writes,
  draft: Draft,
  stream: string,
  { before, relayed }: { readonly before: number; readonly relayed: boolean },
): void {
  dropOldest(writes, draft, stream, relayed ? 'age' : undefined, ({ time }) => time < before);
}

/** Drops from the oldest on while `condemned` says so. Unrelayed messages leave gap records when there is a `reason`. [G5] */
function dropOldest(
  writes: Writes,
  draft: Draft,
  stream: string,
  reason: GapReason | undefined,
  condemned: (row: Row) => boolean,
): void {
  for (let after = 0, more = true; more;) {
    const page = writes.oldest.all(stream, after, pageRows) as unknown as Row[];
    const end = page.findIndex((row) => !condemned(row));
    const dropped = end === -1 ? page : page.slice(0, end);
    more = end === -1 && page.length === pageRows;
    after = dropped.at(-1)?.seq ?? after;
    let freed = 0;
    for (const row of dropped) {
      writes.deleteMessage.run(stream, row.seq);
      freed += row.size;
    }
    const { bytes, ackedSeq } = draft.stream(stream);
    draft.updateStream(stream, { bytes: bytes - freed });
    if (reason)
      leaveGaps(
        writes,
        stream,
        reason,
        dropped.filter(({ seq }) => seq > ackedSeq),
      );
  }
}

/** One gap a contiguous run; a run right behind a gap of the same reason widens that one, so gaps stay few. */
function leaveGaps(writes: Writes, stream: string, reason: GapReason, dropped: readonly Row[]): void {
  for (const { first, last } of runs(dropped)) {
    const before = Number(writes.gapAt.get(stream, first.seq - 1, reason)?.count ?? 0);
    if (before > 0) writes.deleteMessage.run(stream, first.seq - 1);
    writes.insertGap.run(stream, last.seq, last.time, before + last.seq - first.seq + 1, reason);
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
