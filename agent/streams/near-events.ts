import type { DatabaseSync } from 'node:sqlite';
import type { QueuedEvent } from './operations.ts';
import { eventOf } from './event-of.ts';
import { waitingEvents } from './event-page.ts';

export type NearQuery = {
  readonly function: string;
  /** Only events with a greater id, and those that came due. */
  readonly after: number;
  /** Milliseconds since 1970. What waits for a later time is left out, unless it holds others. */
  readonly now: number;
  /** Events hold those behind them, messages of queues never. */
  readonly ordered: boolean;
  /** All waits of a back-off are over; those of messages of queues are not. */
  readonly forgiven: boolean;
  /** How many of them are in memory already, and come again. */
  readonly known: number;
};

export type NearEvents = {
  readonly events: readonly QueuedEvent[];
  /** Every event up to this id was looked at. */
  readonly upTo: number;
  /** There may be more behind it. */
  readonly more: boolean;
  /** When the next one comes due that was left out; undefined when there is none. */
  readonly nextDue: number | undefined;
};

/** Longer than any event may be delayed: one that seems to wait longer was written before the clock was set back. */
export const maxWaitMs = 8 * 86_400_000;

/** Events read at once: enough to keep a function busy, little enough to keep in memory for five hundred of them. */
const pageEvents = 64;
const pageBytes = 2 ** 18;
/** And to the end of a page of the store, so that it is read once. */
const mostEvents = 320;

/** Makes the read that keeps a function busy: the next page in order of arrival, and what came due since the last one. */
export function prepareNearEvents(database: DatabaseSync): (query: NearQuery) => NearEvents {
  const own = database.prepare(
    `SELECT * FROM events WHERE function = :function AND id > :after
       AND (not_before <= :now OR not_before > :never OR (kind <> 'queue' AND (:ordered OR :forgiven)))
     ORDER BY id`,
  );
  const pages = database.prepare('SELECT * FROM event_pages WHERE function = ? AND id > ? ORDER BY id');
  const parked = `function = :function AND not_before > 0 AND (kind = 'queue' OR NOT :ordered)`;
  const due = database.prepare(
    `SELECT * FROM events WHERE ${parked}
       AND (not_before <= :now OR not_before > :never OR (kind <> 'queue' AND :forgiven))
     ORDER BY not_before, id LIMIT :limit`,
  );
  const next = database.prepare(
    `SELECT min(not_before) AS time FROM events
     WHERE ${parked} AND not_before > :now AND not_before <= :never`,
  );
  const last = database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'events'");
  return ({ function: name, after, now, ordered, forgiven, known }) => {
    const bounds = { ':function': name, ':now': now, ':never': now + maxWaitMs, ':ordered': Number(ordered) };
    const rows = own.iterate({ ...bounds, ':after': after, ':forgiven': Number(forgiven) });
    const { events, more } = nearest(rows, pages.iterate(name, after), after);
    const upTo = more ? (events.at(-1)?.id ?? after) : Number(last.get()?.seq ?? after);
    const limit = pageEvents + known;
    const late: QueuedEvent[] = [];
    let lateBytes = 0;
    let isCut = false;
    for (const row of due.iterate({ ...bounds, ':forgiven': Number(forgiven), ':limit': limit })) {
      late.push(eventOf(row));
      // Those that are known are in memory anyway; at least one that is not comes.
      if (late.length > known) lateBytes += late.at(-1)?.payload.byteLength ?? 0;
      isCut = lateBytes >= pageBytes || late.length === limit;
      if (isCut) break;
    }
    const time = next.get(bounds)?.time;
    const nextDue = isCut ? now : typeof time === 'number' ? time : undefined;
    return { events: [...late.filter(({ id }) => id <= after), ...events], upTo, more, nextDue };
  };
}

type Row = Readonly<Record<string, unknown>>;

/** As many events as are read at once. */
function nearest(
  rows: Iterator<Row>,
  pages: Iterable<Row>,
  after: number,
): { readonly events: QueuedEvent[]; readonly more: boolean } {
  const events: QueuedEvent[] = [];
  let bytes = 0;
  for (const [event, isInPage] of inOrder(rows, pages, after)) {
    events.push(event);
    bytes += event.payload.byteLength;
    if (bytes >= pageBytes || events.length >= (isInPage ? mostEvents : pageEvents))
      return { events, more: true };
  }
  return { events, more: false };
}

/** Events of rows and of pages by their ids, and whether others of the same page follow. Rows may lie between those of a page. */
function* inOrder(
  rows: Iterator<Row>,
  pages: Iterable<Row>,
  after: number,
): Iterable<readonly [event: QueuedEvent, isInPage: boolean]> {
  try {
    let row = nextOf(rows);
    for (const page of pages) {
      const events = waitingEvents(page, after);
      const last = events.at(-1);
      for (const event of events) {
        for (; row && row.id < event.id; row = nextOf(rows)) yield [row, event !== events[0]];
        yield [event, event !== last];
      }
    }
    for (; row; row = nextOf(rows)) yield [row, false];
  } finally {
    rows.return?.();
  }
}

function nextOf(rows: Iterator<Row>): QueuedEvent | undefined {
  const next = rows.next();
  return next.done ? undefined : eventOf(next.value);
}
