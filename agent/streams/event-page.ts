import { AgentError } from '../errors.ts';
import type { QueuedEvent } from './operations.ts';
import { pageSpan, WaitingBits } from './waiting-bits.ts';

type Row = Readonly<Record<string, unknown>>;

/** What is said of an event beside its payload. */
type Head = readonly [
  id: number,
  time: number,
  hops: number,
  payloadBytes: number,
  topic: string,
  contentType: string | null,
];

/** The columns of a page that hold its events, oldest first: a JSON array of `Head`s, and their payloads one after the other. */
export type PackedEvents = { readonly heads: string; readonly payloads: Uint8Array };

export function packEvents(events: readonly QueuedEvent[]): PackedEvents {
  const heads = events.map(({ id, time, hops, payload, topic, contentType = null }): Head => {
    return [id, time, hops, payload.byteLength, topic, contentType];
  });
  return { heads: JSON.stringify(heads), payloads: Buffer.concat(events.map(({ payload }) => payload)) };
}

/** Which events of a page wait: at least one, or it would be gone. Throws AgentError 'corrupt'. */
export function waitingOf(row: Row): WaitingBits {
  const page = Number(row.id);
  const waiting = new WaitingBits(page, row.waiting as Uint8Array);
  if (waiting.bytes.byteLength !== pageSpan / 8 || waiting.isEmpty) throw unreadable(page);
  return waiting;
}

/**
 * The events of a page that still wait, those with a greater id than `after`. Each has its payload alone: one that runs for long
 * keeps nothing else in memory. Throws AgentError 'corrupt'.
 */
export function waitingEvents(row: Row, after: number): QueuedEvent[] {
  const page = Number(row.id);
  const name = String(row.function);
  const payloads = row.payloads as Uint8Array;
  const waiting = waitingOf(row);
  const found: QueuedEvent[] = [];
  let left = waiting.count;
  let at = 0;
  for (const [id, time, hops, payloadBytes, topic, contentType] of headsOf(row)) {
    const end = at + payloadBytes;
    const waits = waiting.has(id);
    if (waits) left--;
    if (waits && id > after)
      found.push({
        id,
        function: name,
        kind: 'message',
        topic,
        payload: payloads.slice(at, end),
        contentType: contentType ?? undefined,
        time,
        hops,
        attempts: 0,
        notBefore: 0,
        page,
      });
    at = end;
  }
  if (at !== payloads.byteLength || left !== 0) throw unreadable(page);
  return found;
}

function headsOf(row: Row): readonly Head[] {
  const page = Number(row.id);
  const heads = parsed(row);
  if (!Array.isArray(heads)) throw unreadable(page);
  let before = page - pageSpan;
  for (const head of heads as unknown[]) {
    if (!isHead(head) || head[0] <= before || head[0] > page) throw unreadable(page);
    before = head[0];
  }
  return heads as Head[];
}

function parsed(row: Row): unknown {
  try {
    return JSON.parse(String(row.heads));
  } catch (cause) {
    throw unreadable(Number(row.id), cause);
  }
}

/** By hand: this is read whenever a function has more to do than it has in memory. */
function isHead(head: unknown): head is Head {
  if (!Array.isArray(head) || head.length !== 6) return false;
  const [id, time, hops, payloadBytes, topic, contentType] = head as unknown[];
  return (
    Number.isSafeInteger(id) &&
    Number.isSafeInteger(time) &&
    isCount(hops) &&
    isCount(payloadBytes) &&
    typeof topic === 'string' &&
    (contentType === null || typeof contentType === 'string')
  );
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** It belongs to one function and holds up that one: SQLite finds nothing wrong with the file, at no start either. */
export function unreadable(page: number, cause?: unknown): AgentError {
  return new AgentError('corrupt', `The page ${page} of events in the local store is damaged`, {
    cause,
    hint:
      'The disk or the memory of this machine changed what was written. Keep a copy of the store; to let the function go on ' +
      `without what waits in this page, stop the agent and delete the row ${page} of the table event_pages.`,
  });
}
