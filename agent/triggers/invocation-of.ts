import type { QueuedEvent } from '../streams/operations.ts';
import { fileChangeSchema } from './file-change.ts';
import type { InvocationEvent } from './ports.ts';
import type { Slot } from './window.ts';

/** Milliseconds since 1970 as ISO 8601. */
export type TimeText = (timeMs: number) => string;

/** Remembers the last one: events that came in one millisecond follow each other, and a text of time costs more than all else of them. */
export function rememberTimeText(): TimeText {
  let lastMs = Number.NaN;
  let last = '';
  return (timeMs) => {
    if (timeMs !== lastMs) {
      last = new Date(timeMs).toISOString();
      lastMs = timeMs;
    }
    return last;
  };
}

/** The event a function gets for what is in its queue: one event, or a batch of messages of one queue. */
export function invocationOf(slots: readonly [Slot, ...Slot[]], timeText: TimeText): InvocationEvent {
  const [{ event }] = slots;
  const time = timeText(event.time);
  const { kind, topic, payload, contentType } = event;
  switch (kind) {
    case 'message':
      return { kind, topic, payload, contentType, time };
    case 'scheduled':
      return { kind, cron: topic, scheduledTime: time };
    case 'queue':
      return { kind, queue: topic, messages: slots.map((slot) => messageOf(slot, timeText)) };
    case 'file': {
      const { path, change, size } = fileChangeSchema.parse(
        JSON.parse(Buffer.from(payload).toString('utf8')),
      );
      return { kind, volume: topic, path, change, time, ...(size !== undefined && { size }) };
    }
    default:
      return kind satisfies never;
  }
}

/** How a queue outcome names a message. */
export function messageIdOf({ id }: QueuedEvent): string {
  return String(id);
}

function messageOf({ event, attempts }: Slot, timeText: TimeText) {
  const { payload: body, contentType, time } = event;
  return {
    id: messageIdOf(event),
    ...{ body, contentType },
    time: timeText(time),
    attempts: attempts + 1,
  };
}
