import type { EventKind, NewEvent, QueuedEvent } from './operations.ts';

type Row = Readonly<Record<string, unknown>>;

/** What rows of events and of dead letters have in common. */
export function eventFieldsOf(row: Row): Omit<NewEvent, 'notBefore'> & { id: number; attempts: number } {
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
  };
}

/** A row of the table of events. */
export function eventOf(row: Row): QueuedEvent {
  return { ...eventFieldsOf(row), notBefore: Number(row.not_before) };
}
