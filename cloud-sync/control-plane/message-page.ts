import { topicMatches } from '../../lib/topic-filter.ts';
import type { MessagePage, StoredMessage } from '../protocol/api.ts';
import { relayEntries, type RelayColumns, type RelayEntry } from '../protocol/relay-batch.ts';
import { readRemoved } from './database/removed.ts';
import type { Database } from './database/schema.ts';
import {
  newestSegmentId,
  readSegment,
  SegmentFinder,
  type Segment,
  type SegmentSelection,
} from './database/segment-selection.ts';
import { unpackBody } from './relay-body.ts';

export type PageQuery = SegmentSelection & {
  readonly topic: string | undefined;
  /** Only messages with a larger id. */
  readonly after: number;
  readonly limit: number;
};

export type PageLimits = {
  /** A page ends when its payloads reach this many characters, or its making took this long. */
  readonly maxChars: number;
  readonly maxMs: number;
  /** A clock that never goes back, milliseconds. */
  readonly elapsedMs: () => number;
};

export const pageLimits: PageLimits = {
  maxChars: 8 * 2 ** 20,
  maxMs: 250,
  elapsedMs: () => performance.now(),
};

/** Ids of messages: that of their segment times this, and their place in it. No batch has more entries. */
const idsPerSegment = 8192;
const foundSegments = 256;
/** The largest time that RFC 3339 can say; a device's clock can be further off than that. */
const maxTimeMs = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** A page in order of arrival. Gives way to other work between its segments, and between steps that find none; ends early by size and by time, and says where to go on. */
export async function readMessagePage(
  db: Database,
  query: PageQuery,
  limits: PageLimits = pageLimits,
): Promise<MessagePage> {
  const finder = new SegmentFinder(db, query);
  const page = new Page(query, limits);
  const removed = await readRemoved(db, query);
  // What is committed later has a larger id, and is found from the page's position on.
  const newestId = await newestSegmentId(db);
  let nextId: number | undefined = Math.floor(query.after / idsPerSegment);
  while (nextId !== undefined) {
    await turn();
    const found = await finder.find(nextId, foundSegments);
    for (const id of found.ids) {
      await turn();
      const segment = await readSegment(db, id);
      if (segment) page.add(segment);
      if (page.isFull) return page.end({ removed, more: true });
    }
    nextId = found.nextId;
    if (nextId !== undefined) page.skipTo(nextId);
    if (page.isFull) return page.end({ removed, more: true });
  }
  page.skipTo(newestId + 1);
  return page.end({ removed, more: false });
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

class Page {
  readonly #query: PageQuery;
  readonly #limits: PageLimits;
  readonly #startedMs: number;
  readonly #messages: StoredMessage[] = [];
  #cursor: number;
  #chars = 0;

  constructor(query: PageQuery, limits: PageLimits) {
    this.#query = query;
    this.#limits = limits;
    this.#startedMs = limits.elapsedMs();
    this.#cursor = query.after;
  }

  get isFull(): boolean {
    const { maxChars, maxMs, elapsedMs } = this.#limits;
    const isLate = elapsedMs() - this.#startedMs >= maxMs;
    return this.#messages.length >= this.#query.limit || this.#chars >= maxChars || isLate;
  }

  add(segment: Segment): void {
    const { columns } = unpackBody(segment.id, segment.body);
    if (!mayHold(columns, this.#query.topic)) {
      this.skipTo(segment.id + 1);
      return;
    }
    for (const [place, entry] of relayEntries(columns).entries()) {
      const id = segment.id * idsPerSegment + place;
      if (id <= this.#query.after) continue;
      this.#cursor = id;
      if (!this.#isWanted(entry)) continue;
      const message = toStored(id, segment, columns, entry);
      this.#messages.push(message);
      this.#chars += message.payload?.length ?? 0;
      if (this.#messages.length >= this.#query.limit || this.#chars >= this.#limits.maxChars) return;
    }
  }

  /** Nothing below the segment `id` is left to look at. */
  skipTo(id: number): void {
    this.#cursor = Math.max(this.#cursor, id * idsPerSegment - 1);
  }

  end({ removed, more }: { removed: MessagePage['removed']; more: boolean }): MessagePage {
    const position = this.#cursor;
    return { messages: this.#messages, next: more ? position : null, position, removed };
  }

  #isWanted(entry: RelayEntry): boolean {
    const { topic, sinceMs = 0, untilMs = Number.POSITIVE_INFINITY } = this.#query;
    if (entry.time < sinceMs || entry.time > untilMs) return false;
    // A gap may have held what the filter asks for.
    return topic === undefined || entry.gap !== undefined || topicMatches(topic, entry.topic);
  }
}

/** Whether a message may match, before its entries are made. */
const mayHold = ({ topicNames, gaps }: RelayColumns, topic: string | undefined) =>
  topic === undefined || gaps.length > 0 || topicNames.some((name) => topicMatches(topic, name));

function toStored(id: number, segment: Segment, columns: RelayColumns, entry: RelayEntry): StoredMessage {
  const { epoch, stream } = columns;
  const { device, received } = segment;
  const time = new Date(Math.min(entry.time, maxTimeMs)).toISOString();
  const place = { id, device, epoch, stream, seq: entry.seq, time, received };
  if (entry.gap) return { ...place, topic: null, payload: null, contentType: null, gap: entry.gap };
  const { topic, payload, contentType = null } = entry;
  const base64 = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('base64');
  return { ...place, topic, payload: base64, contentType, gap: null };
}
