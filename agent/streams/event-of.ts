import type { EventKind, QueuedEvent } from './operations.ts';

/** A row of the table of events. */
export function eventOf(row: Readonly<Record<string, unknown>>): QueuedEvent {
  return {
    id: Number(row.id),
    function: String(row.function),
    kind: row.kind as EventKind,
    topic: String(row.topic),
    payload: row.payload as Uint8Array,
    contentType: (row.content_type as string | null) ?? undefined,
    time: Number(row.time),
    hops: Number(row.hops),
    attempts: Number(row.attempts),
    notBefore: Number(row.not_before),
  };
}
