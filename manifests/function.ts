import { z } from 'zod';
import {
  bytesBetween,
  bytesPerDaySchema,
  countPerDaySchema,
  cronSchema,
  durationBetween,
  httpUrlSchema,
  imageReferenceSchema,
  nameSchema,
  routeSchema,
  timezoneSchema,
  topicFilterSchema,
} from './primitives.ts';

/** What makes the function run: exactly one of these keys. */
const triggerSchema = z.union([
  z.strictObject({ mqtt: topicFilterSchema }),
  z.strictObject({ cron: cronSchema, timezone: timezoneSchema.optional() }),
  z.strictObject({ http: routeSchema }),
  z.strictObject({ queue: nameSchema }),
]);
export type Trigger = z.output<typeof triggerSchema>;

/** A binding is named as an environment variable and grants exactly one thing. */
const bindingSchema = z.union([
  z.strictObject({ publish: topicFilterSchema.describe('Every topic that matches may be published to.') }),
  z.strictObject({ kv: nameSchema }),
  z.strictObject({ fetch: z.array(httpUrlSchema).min(1).max(50) }),
  z.strictObject({ secret: nameSchema }),
  z.strictObject({ queue: nameSchema }),
  z.strictObject({ invoke: nameSchema }),
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
});

export const functionSchema = z.strictObject({
  bundle: imageReferenceSchema,
  on: z.array(triggerSchema).max(50).default([]),
  bindings: z.record(bindingNameSchema, bindingSchema).default({}),
  limits: limitsSchema.prefault({}),
  budget: z
    .strictObject({
      invocations: countPerDaySchema.optional(),
      egress: bytesPerDaySchema.optional(),
      onExceeded: z.enum(['pause', 'drop']).default('pause'),
    })
    .optional(),
});
/** limits: `memory` in bytes; `cpu` and `timeout` in milliseconds an invocation. */
export type FunctionSpec = z.output<typeof functionSchema>;
