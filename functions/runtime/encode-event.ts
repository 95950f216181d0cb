import { FunctionError } from '../function-error.ts';
import type { EventHeader } from '../host/protocol.ts';
import type { InvocationEvent } from './ports.ts';

const maxEventBytes = 4 * 2 ** 20;

/** The event as it travels to a host. Throws FunctionError `eventTooLarge`. */
export function encodeEvent(name: string, event: InvocationEvent): { header: EventHeader; body: Uint8Array } {
  const encoded = encode(event);
  const size = encoded.body.byteLength;
  if (size <= maxEventBytes) return encoded;
  throw new FunctionError(
    'eventTooLarge',
    `An event of ${size} bytes for function ${name} is larger than ${maxEventBytes} bytes`,
  );
}

function encode(event: InvocationEvent): { header: EventHeader; body: Uint8Array } {
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
        body: Buffer.from((JSON.stringify(event.payload) as string | undefined) ?? '', 'utf8'),
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
