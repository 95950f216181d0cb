import { randomUUID } from 'node:crypto';
import type { InvocationEvent, QueueMessage } from '../../runtime/ports.ts';

/** Something that a topic, a queue or a request carries: byte arrays as they are, strings as UTF-8, everything else as JSON. */
export type Content = unknown;

export type MessageOptions = {
  /** Default by the payload: application/json, text/plain or application/octet-stream. */
  readonly contentType?: string;
  /** When the device took it; default now. */
  readonly time?: Date;
};

export function messageEvent(topic: string, payload: Content, options: MessageOptions = {}): InvocationEvent {
  const { bytes, contentType } = encodeContent(payload);
  const time = (options.time ?? new Date()).toISOString();
  return { kind: 'message', topic, payload: bytes, contentType: options.contentType ?? contentType, time };
}

export function scheduledEvent(cron: string, time: Date = new Date()): InvocationEvent {
  return { kind: 'scheduled', cron, scheduledTime: time.toISOString() };
}

export type TestQueueMessage = {
  readonly body: Content;
  readonly id?: string;
  readonly contentType?: string;
  /** When it was sent; default now. */
  readonly time?: Date;
  /** This delivery included; default 1. */
  readonly attempts?: number;
};

export function queueEvent(queue: string, messages: readonly TestQueueMessage[]): InvocationEvent {
  return { kind: 'queue', queue, messages: messages.map(queueMessage) };
}

function queueMessage({ body, id, contentType, time, attempts }: TestQueueMessage): QueueMessage {
  const encoded = encodeContent(body);
  return {
    id: id ?? randomUUID(),
    body: encoded.bytes,
    contentType: contentType ?? encoded.contentType,
    time: (time ?? new Date()).toISOString(),
    attempts: attempts ?? 1,
  };
}

export type FileChange = {
  readonly volume: string;
  readonly path: string;
  /** Default `created`. */
  readonly change?: 'created' | 'modified' | 'deleted';
  /** Bytes; default 0. */
  readonly size?: number;
  readonly time?: Date;
};

export function fileEvent({
  volume,
  path,
  change = 'created',
  size = 0,
  time = new Date(),
}: FileChange): InvocationEvent {
  const event = { kind: 'file', volume, path, change, time: time.toISOString() } as const;
  return change === 'deleted' ? event : { ...event, size };
}

/** `route` is the trigger's, as the manifest writes it. */
export async function requestEvent(request: Request, route: string): Promise<InvocationEvent> {
  return {
    kind: 'fetch',
    method: request.method,
    url: request.url,
    headers: [...request.headers],
    body: new Uint8Array(await request.arrayBuffer()),
    route,
  };
}

export function encodeContent(content: Content): {
  readonly bytes: Uint8Array;
  readonly contentType: string;
} {
  if (content instanceof Uint8Array) return { bytes: content, contentType: 'application/octet-stream' };
  if (typeof content === 'string') {
    return { bytes: new TextEncoder().encode(content), contentType: 'text/plain;charset=utf-8' };
  }
  const json = JSON.stringify(content) as string | undefined;
  return { bytes: new TextEncoder().encode(json ?? 'null'), contentType: 'application/json' };
}
