import { z } from 'zod';
import type { InvocationEvent } from '../../functions/runtime/ports.ts';
import { fileEvent, messageEvent, queueEvent, scheduledEvent } from '../../functions/sdk/testing/events.ts';
import { CliError } from '../errors.ts';

/** Where wrangler has them. */
export const controlPrefix = '/cdn-cgi/handler/';

export type ControlRequest = {
  readonly kind: string;
  readonly query: URLSearchParams;
  readonly body: Uint8Array;
  readonly contentType: string | undefined;
};

const schemas = {
  message: z.strictObject({ topic: z.string().min(1).max(1024) }),
  /** `time`: milliseconds since 1970, as for wrangler, or RFC 3339. */
  scheduled: z.strictObject({
    cron: z.string().max(256).default('* * * * *'),
    time: z.string().max(64).optional(),
  }),
  queue: z.strictObject({ queue: z.string().min(1).max(64) }),
  file: z.strictObject({
    volume: z.string().min(1).max(64),
    path: z.string().min(1).max(4096),
    change: z.enum(['created', 'modified', 'deleted']).default('created'),
    size: z.coerce.number().int().min(0).default(0),
  }),
  invoke: z.strictObject({}),
};

/** The event that a request to `/cdn-cgi/handler/KIND` asks for. Throws CliError `usage` for one that is wrong. */
export function eventOfRequest({ kind, query, body, contentType }: ControlRequest): InvocationEvent {
  switch (kind) {
    case 'message': {
      const { topic } = parse('message', query);
      // What curl says of -d unless it is told otherwise.
      const type = contentType === 'application/x-www-form-urlencoded' ? undefined : contentType;
      return messageEvent(topic, body, type === undefined ? {} : { contentType: type });
    }
    case 'scheduled': {
      const { cron, time } = parse('scheduled', query);
      return scheduledEvent(cron, time === undefined ? new Date() : timeOf(time));
    }
    case 'queue':
      return queueEvent(parse('queue', query).queue, bodies(body));
    case 'file':
      return fileEvent(parse('file', query));
    case 'invoke':
      parse('invoke', query);
      return { kind: 'invoke', payload: json(body) };
    default:
      throw new CliError('usage', `There is no handler ${kind}: ${Object.keys(schemas).join(', ')}.`);
  }
}

function parse<Kind extends keyof typeof schemas>(
  kind: Kind,
  query: URLSearchParams,
): z.output<(typeof schemas)[Kind]> {
  const result = schemas[kind].safeParse(Object.fromEntries(query));
  if (result.success) return result.data as z.output<(typeof schemas)[Kind]>;
  const problems = result.error.issues.map(({ path, message }) => `${path.join('.') || 'query'}: ${message}`);
  throw new CliError('usage', `${controlPrefix}${kind}: ${problems.join('; ')}.`);
}

function timeOf(text: string): Date {
  const time = new Date(/^\d+$/.test(text) ? Number(text) : text);
  if (Number.isNaN(time.getTime())) throw new CliError('usage', `time: ${text} is no time.`);
  return time;
}

/** A JSON array is a batch of its elements; anything else is one message. */
function bodies(body: Uint8Array): { body: unknown }[] {
  try {
    const value = JSON.parse(new TextDecoder().decode(body)) as unknown;
    return (Array.isArray(value) ? value : [value]).map((element: unknown) => ({ body: element }));
  } catch {
    return [{ body }];
  }
}

function json(body: Uint8Array): unknown {
  if (body.byteLength === 0) return null;
  try {
    return JSON.parse(new TextDecoder().decode(body)) as unknown;
  } catch (cause) {
    throw new CliError('usage', `The payload is not JSON: ${(cause as Error).message}.`, { cause });
  }
}
