import { z } from 'zod';
import type { InvocationEvent } from '../../functions/runtime/ports.ts';
import {
  fileEvent,
  messageEvent,
  queueEvent,
  requestEvent,
  scheduledEvent,
} from '../../functions/sdk/testing/events.ts';
import { CliError } from '../errors.ts';
import { readInput } from '../files.ts';
import type { Io } from '../io.ts';

const time = z.coerce.date().optional();
const eventSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('message'),
    topic: z.string().min(1).max(1024),
    body: z.unknown(),
    contentType: z.string().max(128).optional(),
    time,
  }),
  z.strictObject({ kind: z.literal('scheduled'), cron: z.string().max(256).default('* * * * *'), time }),
  z.strictObject({
    kind: z.literal('queue'),
    queue: z.string().min(1).max(64),
    messages: z.array(z.unknown()).min(1).max(100),
  }),
  z.strictObject({
    kind: z.literal('file'),
    volume: z.string().min(1).max(64),
    path: z.string().min(1).max(4096),
    change: z.enum(['created', 'modified', 'deleted']).default('created'),
    size: z.int().min(0).default(0),
  }),
  z.strictObject({ kind: z.literal('invoke'), payload: z.unknown() }),
  z.strictObject({
    kind: z.literal('fetch'),
    url: z.string().max(8192),
    method: z.string().max(16).default('GET'),
    headers: z.record(z.string(), z.string()).default({}),
    body: z.string().optional(),
  }),
]);
type WrittenEvent = z.output<typeof eventSchema>;
const eventsSchema = z.array(eventSchema).max(100);

const maxBytes = 4 * 2 ** 20;

/** The events of a file, one or an array of at most 100. Rejects with CliError `invalidFile`, naming what is wrong. */
export async function readEvents(io: Io, path: string): Promise<InvocationEvent[]> {
  const text = await readInput(io, path, { what: 'file of events', maxBytes });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CliError('invalidFile', `${path} is not JSON: ${(cause as Error).message}.`, { cause });
  }
  const parsed = eventsSchema.safeParse(Array.isArray(value) ? value : [value]);
  if (parsed.success) return Promise.all(parsed.data.map(eventOf));
  const [issue] = parsed.error.issues;
  throw new CliError(
    'invalidFile',
    `${path} holds no event: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}.`,
    {
      hint: 'Such as {"kind": "message", "topic": "a/b", "body": {"n": 1}}; kinds: message, scheduled, queue, file, invoke, fetch.',
    },
  );
}

async function eventOf(written: WrittenEvent): Promise<InvocationEvent> {
  switch (written.kind) {
    case 'message': {
      const { topic, body, contentType, time } = written;
      return messageEvent(topic, body, {
        ...(contentType !== undefined && { contentType }),
        ...(time && { time }),
      });
    }
    case 'scheduled':
      return scheduledEvent(written.cron, written.time);
    case 'queue':
      return queueEvent(
        written.queue,
        written.messages.map((body) => ({ body })),
      );
    case 'file':
      return fileEvent(written);
    case 'invoke':
      return { kind: 'invoke', payload: written.payload ?? null };
    case 'fetch': {
      const { url, method, headers, body } = written;
      const request = new Request(new URL(url, 'http://localhost'), {
        method,
        headers,
        ...(body !== undefined && { body }),
      });
      return await requestEvent(request, '/*');
    }
    default:
      return written satisfies never;
  }
}
