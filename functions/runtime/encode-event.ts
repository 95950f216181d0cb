import { FunctionError } from '../function-error.ts';
import type { EventHeader } from '../host/protocol.ts';
import type { InvocationEvent } from './ports.ts';

const maxEventBytes = 4 * 2 ** 20;

/** A body that is text goes as UTF-8. */
type EncodedEvent = { header: EventHeader; body: Uint8Array | string };

/** The event as it travels to a host. Throws FunctionError `eventTooLarge`. */
export function encodeEvent(name: string, event: InvocationEvent): EncodedEvent {
  const encoded = encode(event);
  const { body } = encoded;
  const size = typeof body === 'string' ? Buffer.byteLength(body, 'utf8') : body.byteLength;
  if (size <= maxEventBytes) return encoded;
  throw new FunctionError(
    'eventTooLarge',
    `An event of ${size} bytes for function ${name} is larger than ${maxEventBytes} bytes`,
  );
}

function encode(event: InvocationEvent): EncodedEvent {
  switch (event.kind) {
    case 'message': {
      const { kind, topic, time, payload, contentType } = event;
      return {
        header: { kind, topic, time, ...(contentType === undefined ? {} : { contentType }) },
        body: payload,
      };
    }
    case 'scheduled':
      return { header: event, body: new Uint8Array(0) };
    case 'invoke':
      return {
        header: { kind: 'invoke' },
        body: jsonOf(event.payload),
      };
    case 'fetch': {
      const { kind, method, url, route, body } = event;
      return { header: { kind, method, url, headers: pairs(event.headers), route }, body };
    }
    case 'queue': {
      const { kind, queue } = event;
      const messages = event.messages.map(({ id, body, contentType, time, attempts }) => ({
        ...{ id, size: body.byteLength, time, attempts },
        ...(contentType === undefined ? {} : { contentType }),
      }));
      return {
        header: { kind, queue, messages },
        body: Buffer.concat(event.messages.map(({ body }) => body)),
      };
    }
    case 'file':
      return { header: event, body: new Uint8Array(0) };
    default:
      return event satisfies never;
  }
}

function pairs(headers: readonly (readonly [string, string])[]): [string, string][] {
  return headers.map(([name, value]) => [name, value]);
}

function jsonOf(value: unknown): string {
  // Its type leaves out that some values have no JSON.
  const json = JSON.stringify(value) as string | undefined;
  return json ?? '';
}
