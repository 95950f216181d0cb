import type { QueuedEvent } from '../streams/operations.ts';
import { fileChangeSchema } from './file-change.ts';
import type { InvocationEvent } from './ports.ts';
import type { Slot } from './window.ts';

/** The event a function gets for what is in its queue: one row, or a batch of messages of one queue. */
export function invocationOf(slots: readonly [Slot, ...Slot[]]): InvocationEvent {
  const [{ event }] = slots;
  const time = new Date(event.time).toISOString();
  const { kind, topic, payload, contentType } = event;
  switch (kind) {
    case 'message':
      return { kind, topic, payload, contentType, time };
    case 'scheduled':
      return { kind, cron: topic, scheduledTime: time };
    case 'queue':
      return { kind, queue: topic, messages: slots.map(messageOf) };
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

function messageOf({ event, attempts }: Slot) {
  const { payload: body, contentType, time } = event;
  return {
    id: messageIdOf(event),
    ...{ body, contentType },
    time: new Date(time).toISOString(),
    attempts: attempts + 1,
  };
}
