import type { FreshEvent, OpenPage } from './event-draft.ts';
import { packEvents, unreadable, waitingEvents, waitingOf } from './event-page.ts';
import type { EventWrites } from './event-statements.ts';
import type { Draft } from './ledger.ts';
import type { EventPlace, QueuedEvent } from './operations.ts';
import { pageSpan, WaitingBits } from './waiting-bits.ts';

/** Fewer than these are written as rows of their own, which can be ended without a look at the others. */
const leastEvents = 4;
/** What is read at once to run one of them. */
const mostEvents = 256;
const mostBytes = 2 ** 16;
/** A greater event has a row of its own: beside it, the row costs nothing. */
const mostEventBytes = 2 ** 12;

/** Those of queues move between functions, and are found by their queue. */
export function isPaged(event: QueuedEvent): boolean {
  return event.kind === 'message' && event.notBefore === 0 && bytesOf(event) <= mostEventBytes;
}

/**
 * Whether the event waits in the page that is named. What it is not in, it may have left for a row of its own. Throws, as all
 * here that looks at a page for the first time, AgentError 'corrupt'.
 */
export function isInPage(writes: EventWrites, draft: Draft, event: EventPlace): boolean {
  const open = openPage(writes, draft, event.page);
  return open?.function === event.function && open.waiting.has(event.id);
}

/** False when it does not wait in the page that is named. */
export function takeFromPage(writes: EventWrites, draft: Draft, event: EventPlace): boolean {
  const open = openPage(writes, draft, event.page);
  if (open?.function !== event.function || !open.waiting.remove(event.id)) return false;
  open.isChanged = true;
  return true;
}

/** The same, with what it is; undefined when it does not wait there. */
export function moveFromPage(writes: EventWrites, draft: Draft, place: EventPlace): QueuedEvent | undefined {
  const event = eventInPage(writes, draft, place);
  if (event) takeFromPage(writes, draft, place);
  return event;
}

/** What waits in the page that is named; undefined when it does not wait there. */
export function eventInPage(writes: EventWrites, draft: Draft, place: EventPlace): QueuedEvent | undefined {
  const { id, page } = place;
  const open = openPage(writes, draft, page);
  if (page === undefined || !open || !isInPage(writes, draft, place)) return undefined;
  open.events ??= eventsOf(writes, page);
  const event = open.events.get(id);
  if (!event) throw unreadable(page);
  return event;
}

/** Writes the new events of messages, a page at a time, or as rows where they are few. */
export function writeFresh(writes: EventWrites, draft: Draft): void {
  for (const events of draft.events.fresh.values())
    for (const group of groupsOf(events)) writeGroup(writes, group);
  if (draft.events.fresh.size > 0) writes.putLastEvent.run(draft.events.lastId);
}

/** Once a transaction. */
export function writeMarks(writes: EventWrites, draft: Draft): void {
  for (const [page, open] of draft.events.pages) {
    if (!open?.isChanged) continue;
    if (open.waiting.isEmpty) writes.deletePage.run(page);
    else writes.markPage.run(open.waiting.bytes, page);
  }
}

export function insertRow(writes: EventWrites, event: QueuedEvent): void {
  const { id, function: name, kind, topic, contentType = null, payload } = event;
  const { time, hops, attempts, notBefore } = event;
  writes.insertEvent.run(id, name, kind, topic, contentType, payload, time, hops, attempts, notBefore);
}

function openPage(writes: EventWrites, draft: Draft, page: number | undefined): OpenPage | undefined {
  if (page === undefined) return undefined;
  const { pages } = draft.events;
  if (pages.has(page)) return pages.get(page);
  const row = writes.lookAtPage.get(page);
  const open = row && {
    function: String(row.function),
    waiting: waitingOf(row),
    isChanged: false,
    events: undefined,
  };
  pages.set(page, open);
  return open;
}

function eventsOf(writes: EventWrites, page: number): Map<number, QueuedEvent> {
  const row = writes.readPage.get(page);
  return new Map((row ? waitingEvents(row, 0) : []).map((event) => [event.id, event] as const));
}

function writeGroup(writes: EventWrites, events: readonly FreshEvent[]): void {
  const page = events.at(-1)?.id;
  const name = events[0]?.function;
  if (page === undefined || name === undefined) return;
  if (events.length < leastEvents) {
    for (const event of events) insertRow(writes, event);
    return;
  }
  const waiting = new WaitingBits(page);
  for (const event of events) {
    event.page = page;
    waiting.add(event.id);
  }
  const { heads, payloads } = packEvents(events);
  writes.insertPage.run(page, name, waiting.bytes, heads, payloads);
}

/** In order, each within the bounds of a page. */
function* groupsOf(events: readonly FreshEvent[]): Iterable<readonly FreshEvent[]> {
  let group: FreshEvent[] = [];
  let bytes = 0;
  for (const event of events) {
    const size = bytesOf(event);
    const isFar = event.id - (group[0]?.id ?? event.id) >= pageSpan;
    if (isFar || group.length === mostEvents || bytes + size > mostBytes) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(event);
    bytes += size;
  }
  yield group;
}

function bytesOf({ payload, topic, contentType = '' }: QueuedEvent): number {
  return payload.byteLength + Buffer.byteLength(topic) + Buffer.byteLength(contentType);
}
