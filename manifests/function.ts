import { z } from 'zod';
import {
  bytesBetween,
  bytesPerDaySchema,
  countPerDaySchema,
  durationBetween,
  durationPerDaySchema,
  globSchema,
  imageReferenceSchema,
  nameSchema,
  originSchema,
  rateSchema,
  routeSchema,
  topicFilterSchema,
} from './primitives.ts';
import { cronSchema, timezoneSchema } from './schedule.ts';

const httpMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

const secretReference = z.strictObject({ bearer: nameSchema.describe('A secret whose value is the token.') });

/** What makes the function run: exactly one of mqtt, cron, http, queue, stream and volume. */
const triggerSchema = z.union([
  z.strictObject({ mqtt: topicFilterSchema }),
  z.strictObject({
    cron: cronSchema,
    timezone: timezoneSchema.optional(),
    missed: z
      .enum(['skip', 'once', 'all'])
      .default('skip')
      .describe(
        'Runs that fell into a time when the device was off: none, the latest, or each (at most 100).',
      ),
  }),
  z.strictObject({
    http: routeSchema.describe('A path, or all paths below one with /* at its end; the longest match wins.'),
    methods: z.array(z.enum(httpMethods)).min(1).optional().describe('All methods when left out.'),
    auth: z
      .union([z.enum(['local', 'public']), secretReference])
      .default('local')
      .describe('Who may call: this machine only, whoever can reach the gateway, or who has the token.'),
    rate: rateSchema.prefault('100/s'),
    body: bytesBetween('0B', '4MiB').prefault('1MiB').describe('The largest request body.'),
  }),
  z.strictObject({
    queue: nameSchema,
    batch: z.int().min(1).max(100).default(10).describe('Messages given to the function at once, at most.'),
    wait: durationBetween('0ms', '1m').prefault('0ms').describe('How long to wait for a full batch.'),
  }),
  z.strictObject({
    stream: nameSchema,
    from: z
      .enum(['oldest', 'newest'])
      .default('newest')
      .describe('Where it begins when it reads the stream for the first time; then a cursor on disk says.'),
  }),
  z.strictObject({
    volume: nameSchema,
    path: globSchema.prefault('**').describe('Which files of the volume: a glob relative to its root.'),
  }),
]);
export type Trigger = z.output<typeof triggerSchema>;

/** A binding is named as an environment variable and grants exactly one thing. */
const bindingSchema = z.union([
  z.strictObject({ publish: topicFilterSchema.describe('Every topic that matches may be published to.') }),
  z.strictObject({ kv: nameSchema }),
  z.strictObject({ fetch: z.array(originSchema).min(1).max(50) }),
  z.strictObject({ secret: nameSchema }),
  z.strictObject({ queue: nameSchema }),
  z.strictObject({ invoke: nameSchema }),
  z.strictObject({ shadow: nameSchema }),
]);
export type Binding = z.output<typeof bindingSchema>;

const bindingNameSchema = z
  .string()
  .regex(
    /^[A-Z][A-Z0-9_]{0,63}$/,
    'a binding name: upper-case letters, digits and underscores, at most 64 characters',
  );

const limitsSchema = z.strictObject({
  memory: bytesBetween('8MiB', '4GiB').prefault('32MiB'),
  cpu: durationBetween('1ms', '10m').prefault('50ms').describe('Processor time of one invocation.'),
  timeout: durationBetween('1ms', '1h').prefault('5s').describe('Wall-clock time of one invocation.'),
  concurrency: z.int().min(1).max(1000).default(1),
  queue: z.int().min(1).max(1_000_000).default(1000),
  result: bytesBetween('1KiB', '4MiB')
    .prefault('1MiB')
    .describe('What a handler returns, or answers by HTTP.'),
  egress: bytesBetween('0B', '1GiB').prefault('16MiB').describe('Bytes one invocation may send by fetch.'),
  logs: rateSchema.prefault('100/s').describe('Log lines; more are counted and dropped.'),
});

export const functionSchema = z.strictObject({
  bundle: imageReferenceSchema,
  on: z.array(triggerSchema).max(50).default([]),
  bindings: z.record(bindingNameSchema, bindingSchema).default({}),
  limits: limitsSchema.prefault({}),
  retries: z
    .int()
    .min(0)
    .max(100)
    .default(4)
    .describe('How often a failed event is tried again, with growing pauses, before it is a dead letter.'),
  deadLetter: nameSchema.optional().describe('A stream that gets the dead letters too.'),
  budget: z
    .strictObject({
      invocations: countPerDaySchema.optional(),
      egress: bytesPerDaySchema.optional(),
      cpu: durationPerDaySchema.optional(),
      onExceeded: z.enum(['pause', 'drop']).default('pause'),
    })
    .optional(),
});
/** limits: `memory`, `result`, `egress` in bytes; `cpu` and `timeout` in milliseconds an invocation. Days are UTC. */
export type FunctionSpec = z.output<typeof functionSchema>;
