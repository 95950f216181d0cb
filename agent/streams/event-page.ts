import { AgentError } from '../errors.ts';
import type { QueuedEvent } from './operations.ts';
import { WaitingBits } from './waiting-bits.ts';

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

/**
 * The events of a page that still wait, those with a greater id than `after`. Each has its payload alone: one that runs for long
 * keeps nothing else in memory. Throws AgentError 'corrupt'.
 */
export function waitingEvents(row: Row, after: number): QueuedEvent[] {
  const page = Number(row.id);
  const name = String(row.function);
  const payloads = row.payloads as Uint8Array;
  const waiting = new WaitingBits(page, row.waiting as Uint8Array);
  const found: QueuedEvent[] = [];
  let at = 0;
  for (const [id, time, hops, payloadBytes, topic, contentType] of headsOf(row)) {
    const end = at + payloadBytes;
    if (id > after && waiting.has(id))
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
  if (at !== payloads.byteLength) throw unreadable(page, undefined);
  return found;
}

function headsOf(row: Row): readonly Head[] {
  try {
    return JSON.parse(String(row.heads)) as Head[];
  } catch (cause) {
    throw unreadable(Number(row.id), cause);
  }
}

function unreadable(page: number, cause: unknown): AgentError {
  return new AgentError('corrupt', `The page ${page} of events in the local store cannot be read`, {
    cause,
    hint: 'The file is damaged; the next start of the agent checks it.',
  });
}
