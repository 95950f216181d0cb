import { Buffer, isUtf8 } from 'node:buffer';
import { z } from 'zod';

/**
 * What a device relays: messages of one stream, in order, gaps in the place of what was dropped. On the wire it is JSON in
 * columns, zstd-compressed: alike things stand side by side, so that it compresses well and any JSON tool can read it.
 */

/** Of one batch: entries; bytes of payloads and topics (unless it is one message); bytes of JSON, whatever is escaped. */
export const relayBatchMaxEntries = 4096;
export const relayBatchMaxContentBytes = 512 * 1024;
export const relayBatchMaxJsonBytes = 4 * 2 ** 20;

/** In UTF-16 code units. */
export const relayTopicMaxLength = 1024;
export const relayContentTypeMaxLength = 128;

const relayGapReasonSchema = z
  .enum(['ttl', 'bytes', 'age', 'budget', 'disk', 'compacted', 'tooLarge'])
  .describe('tooLarge: one message that no batch can hold.');
export type RelayGapReason = z.output<typeof relayGapReasonSchema>;

/** `time`: milliseconds since 1970. A gap stands for `count` messages of which `seq` is the last. */
export type RelayEntry = { readonly seq: number; readonly time: number } & (
  | {
      readonly gap: undefined;
      readonly topic: string;
      readonly payload: Uint8Array;
      readonly contentType: string | undefined;
    }
  | { readonly gap: { readonly count: number; readonly reason: RelayGapReason } }
);

export type RelayBatch = {
  readonly epoch: string;
  readonly stream: string;
  /** Lowest and highest number covered, gaps included; they begin at 1 in an epoch. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly entries: readonly RelayEntry[];
};

const column = <Item extends z.ZodType>(item: Item) => z.array(item).max(relayBatchMaxEntries);
const indexSchema = z.int().min(0).max(relayBatchMaxEntries);

/** The columns. Entry `n` is a gap when a `gaps` names it; its data is then '' and its topic 0. */
const relayColumnsSchema = z.strictObject({
  epoch: z.string().regex(/^[0-9a-f]{16}$/),
  stream: z.string().min(1).max(63),
  firstSeq: z.int().min(1),
  times: column(z.int().min(0).max(8.64e15)).min(1),
  topicNames: column(z.string().min(1).max(relayTopicMaxLength)).describe('Each once.'),
  topics: column(indexSchema).describe('Places in topicNames.'),
  data: column(z.string()).describe('UTF-8 payloads as they are, others in base64.'),
  base64: column(indexSchema).describe('Entries whose data is base64, ascending.'),
  types: column(
    z.strictObject({ type: z.string().min(1).max(relayContentTypeMaxLength), entries: column(indexSchema) }),
  ).describe('Content types, where there are any, and whose they are.'),
  gaps: column(
    z.strictObject({ entry: indexSchema, count: z.int().min(1), reason: relayGapReasonSchema }),
  ).describe('Ascending.'),
});
export type RelayColumns = z.output<typeof relayColumnsSchema>;

/** JSON text of a batch. Entries follow each other without a hole from `firstSeq` on. */
export function encodeRelayBatch({ epoch, stream, firstSeq, entries }: Omit<RelayBatch, 'lastSeq'>): string {
  const places = new Map<string, number>();
  const types = new Map<string, number[]>();
  const columns = { times: [] as number[], topics: [] as number[], data: [] as string[] };
  const base64: number[] = [];
  const gaps: RelayColumns['gaps'] = [];
  for (const [index, entry] of entries.entries()) {
    columns.times.push(entry.time);
    if (entry.gap) {
      gaps.push({ entry: index, ...entry.gap });
      columns.topics.push(0);
      columns.data.push('');
      continue;
    }
    const { topic, payload, contentType } = entry;
    const place = places.get(topic) ?? places.size;
    if (place === places.size) places.set(topic, place);
    columns.topics.push(place);
    if (contentType !== undefined) types.set(contentType, [...(types.get(contentType) ?? []), index]);
    const text = isUtf8(payload);
    if (!text) base64.push(index);
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    columns.data.push(bytes.toString(text ? 'utf8' : 'base64'));
  }
  return JSON.stringify({
    ...{ epoch, stream, firstSeq, ...columns, base64, gaps },
    topicNames: [...places.keys()],
    types: Array.from(types, ([type, entries]) => ({ type, entries })),
  } satisfies RelayColumns);
}

export type CheckedRelayColumns = { readonly columns: RelayColumns; readonly lastSeq: number };

/** Faultless columns in what was parsed from JSON, or a sentence's end that says what is wrong with them. */
export function checkRelayColumns(json: unknown): CheckedRelayColumns | string {
  const parsed = relayColumnsSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return `does not fit its schema at ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`;
  }
  const columns = parsed.data;
  const { times, topics, topicNames, data, gaps, base64, types } = columns;
  if (topics.length !== times.length || data.length !== times.length) return 'has columns of unequal length';
  const typed = types.reduce((sum, { entries }) => sum + entries.length, 0);
  // Few entries may not bring much: memory is reckoned by entries and their texts.
  if (Math.max(topicNames.length, base64.length, types.length, typed) > times.length)
    return 'says more about its entries than there are';
  let lastSeq = columns.firstSeq - 1 + times.length;
  const gapEntries = new Set<number>();
  for (const { entry, count } of gaps) {
    if (entry >= times.length || gapEntries.has(entry)) continue;
    gapEntries.add(entry);
    lastSeq += count - 1;
  }
  if (gapEntries.size !== gaps.length) return 'has gaps that are no entries, or two for one';
  const nameless = topics.findIndex((place, index) => place >= topicNames.length && !gapEntries.has(index));
  if (nameless >= 0) return `names no topic for its entry ${nameless}`;
  if (!Number.isSafeInteger(lastSeq)) return 'counts too far';
  return { columns, lastSeq };
}

/** The entries of faultless columns, in order. */
export function relayEntries(columns: RelayColumns): RelayEntry[] {
  const { firstSeq, times, topics, topicNames, data } = columns;
  const base64 = new Set(columns.base64);
  const gaps = new Map(columns.gaps.map((gap) => [gap.entry, gap]));
  const types = new Map(columns.types.flatMap(({ type, entries }) => entries.map((entry) => [entry, type])));
  let seq = firstSeq - 1;
  return times.map((time, index): RelayEntry => {
    const gap = gaps.get(index);
    seq += gap?.count ?? 1;
    if (gap) return { seq, time, gap: { count: gap.count, reason: gap.reason } };
    const topic = topicNames[topics[index] ?? 0] ?? '';
    const payload = Buffer.from(data[index] ?? '', base64.has(index) ? 'base64' : 'utf8');
    return { seq, time, gap: undefined, topic, payload, contentType: types.get(index) };
  });
}

/** The batch in what was parsed from JSON, or a sentence's end that says what is wrong with it. */
export function decodeRelayBatch(json: unknown): RelayBatch | string {
  const checked = checkRelayColumns(json);
  if (typeof checked === 'string') return checked;
  const { epoch, stream, firstSeq } = checked.columns;
  return { epoch, stream, firstSeq, lastSeq: checked.lastSeq, entries: relayEntries(checked.columns) };
}
