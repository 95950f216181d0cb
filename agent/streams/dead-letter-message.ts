import { randomUUID } from 'node:crypto';
import type { FailureNote, NewEvent } from './operations.ts';

export type Death = { readonly attempts: number; readonly time: number; readonly error: FailureNote };

/**
 * A dead letter as a message of a stream: a CloudEvent in JSON (CloudEvents 1.0, structured mode) with the payload as it was,
 * byte for byte. It fits into a relay batch as every payload does: base64 of base64 of 512 KiB is 911 KiB.
 */
export function deadLetterMessage(
  event: NewEvent,
  { attempts, time, error }: Death,
): { topic: string; payload: Uint8Array; contentType: string } {
  const cloudEvent = {
    specversion: '1.0',
    id: randomUUID(),
    source: `/functions/${event.function}`,
    type: 'dev.holdfast.deadletter',
    subject: event.topic,
    time: new Date(time).toISOString(),
    ...(event.contentType !== undefined && { datacontenttype: event.contentType }),
    eventkind: event.kind,
    eventtime: new Date(event.time).toISOString(),
    attempts,
    errorcode: error.code,
    errormessage: error.message,
    data_base64: Buffer.from(event.payload).toString('base64'),
  };
  return {
    topic: `dead-letter/${event.function}`,
    payload: Buffer.from(JSON.stringify(cloudEvent)),
    contentType: 'application/cloudevents+json',
  };
}
