import type { SentMessage } from './sent-messages.ts';

/** A row of the cloud, in order of arrival; `id` of the message in it, undefined for a gap. */
export type StoredRow = {
  readonly epoch: string;
  readonly stream: string;
  readonly seq: number;
} & (
  | { readonly id: string; readonly gap: undefined }
  | { readonly id: undefined; readonly gap: { readonly count: number; readonly reason: string } }
);

export type Evidence = {
  readonly rows: readonly StoredRow[];
  readonly sent: readonly SentMessage[];
  /** Newest number of each stream on the device, in its epoch. */
  readonly lastSeqs: ReadonlyMap<string, number>;
};

/**
 * Holds what the cloud has against what publishers know: every acknowledged message there or counted in a gap, no number
 * twice, none left out, none counted that was not dropped, order kept. Says in sentences what is not so. [G1, G5]
 */
export function checkStored({ rows, sent, lastSeqs }: Evidence): string[] {
  const byStream = Map.groupBy(rows, ({ stream }) => stream);
  const streams = new Set([...byStream.keys(), ...lastSeqs.keys(), ...sent.map(({ stream }) => stream)]);
  return [...streams].flatMap((stream) => {
    const ofStream = byStream.get(stream) ?? [];
    const sentHere = sent.filter((message) => message.stream === stream);
    return [
      ...checkNumbers(ofStream, lastSeqs.get(stream) ?? 0),
      ...checkMessages(ofStream, sentHere),
      ...checkOrder(ofStream, sentHere),
    ].map((problem) => `${stream}: ${problem}`);
  });
}

/** Numbers of an epoch run from 1 to the device's newest one; gaps stand for as many as they count. */
function checkNumbers(rows: readonly StoredRow[], lastSeq: number): string[] {
  const problems: string[] = [];
  let [epoch, last] = ['', 0];
  const closed = new Set<string>();
  for (const row of rows) {
    if (row.epoch !== epoch) {
      if (closed.has(row.epoch)) problems.push(`epoch ${row.epoch} goes on after another one began`);
      closed.add(epoch);
      [epoch, last] = [row.epoch, 0];
    }
    const first = row.seq - (row.gap?.count ?? 1) + 1;
    if (first <= last) problems.push(`number ${first} is there twice, or after ${last}`);
    if (first > last + 1) problems.push(`numbers ${last + 1} to ${first - 1} are missing without a gap`);
    last = row.seq;
  }
  if (last !== lastSeq) problems.push(`the cloud is at number ${last}, the device at ${lastSeq}`);
  return problems;
}

function checkMessages(rows: readonly StoredRow[], sent: readonly SentMessage[]): string[] {
  const problems: string[] = [];
  const copies = new Map<string, number>();
  let dropped = 0;
  for (const row of rows) {
    if (row.gap) dropped += row.gap.count;
    else copies.set(row.id, (copies.get(row.id) ?? 0) + 1);
  }
  const known = new Map(sent.map((message) => [message.id, message]));
  for (const [id, count] of copies) {
    const message = known.get(id);
    if (!message) problems.push(`${id} is stored but nobody sent it`);
    else if (count > mostCopies(message))
      problems.push(
        `${id} (QoS ${message.qos}) is stored ${count} times, at most ${mostCopies(message)} are right`,
      );
  }
  const missing = sent.filter(({ id, acked }) => acked && !copies.has(id));
  if (missing.length > dropped)
    problems.push(`${missing.length} acknowledged are missing, gaps count ${dropped}: ${listed(missing)}`);
  const stored = rows.length - rows.filter(({ gap }) => gap).length;
  const most = sent.reduce((sum, message) => sum + mostCopies(message), 0);
  if (stored + dropped > most)
    problems.push(`${stored} stored and ${dropped} counted in gaps are more than the ${most} that were sent`);
  return problems;
}

/** QoS 1 may be stored once for each PUBLISH, QoS 2 once for each time that the publisher began anew. */
function mostCopies({ qos, sends, publications }: SentMessage): number {
  return qos === 1 ? sends : publications;
}

/** First copies are in the publisher's order. Of a publisher that is alone and repeats nothing, gaps count what is missing between. */
function checkOrder(rows: readonly StoredRow[], sent: readonly SentMessage[]): string[] {
  const problems: string[] = [];
  const known = new Map(sent.map((message) => [message.id, message]));
  const isExact = new Set(sent.map(({ publisher }) => publisher)).size === 1 && sent.every(isSingle);
  const seen = new Set<string>();
  const newest = new Map<string, number>();
  let previous: { readonly n: number; readonly seq: number; readonly epoch: string } | undefined;
  for (const { id, seq, epoch } of rows) {
    const message = known.get(id ?? '');
    // What its publisher's library gave up was published again later, behind others.
    if (!message || seen.has(message.id) || message.publications > 1) continue;
    seen.add(message.id);
    const { publisher, n } = message;
    const before = newest.get(publisher) ?? 0;
    if (n < before) problems.push(`${message.id} comes after ${publisher}:${before}`);
    newest.set(publisher, Math.max(n, before));
    if (isExact && previous?.epoch === epoch && n - previous.n !== seq - previous.seq)
      problems.push(
        `between number ${previous.seq} and ${seq} gaps count ${seq - previous.seq - 1}, but ${n - previous.n - 1} are missing`,
      );
    previous = { n, seq, epoch };
  }
  return problems;
}

const isSingle = ({ qos, publications }: SentMessage): boolean => qos === 2 && publications <= 1;

const listed = (messages: readonly SentMessage[]): string =>
  `${messages
    .slice(0, 5)
    .map(({ id }) => id)
    .join(', ')}${messages.length > 5 ? ', …' : ''}`;
