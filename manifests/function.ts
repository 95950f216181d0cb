import { z } from 'zod';
import {
  bytesPerDaySchema,
  bytesSchema,
  countPerDaySchema,
  cronSchema,
  durationSchema,
  imageReferenceSchema,
  nameSchema,
  topicFilterSchema,
  topicSchema,
} from './primitives.ts';

export const triggerSchema = z.union([
  z.strictObject({ mqtt: topicFilterSchema }),
  z.strictObject({ cron: cronSchema, timezone: z.string().max(64).optional() }),
  z.strictObject({ http: absoluteRoute() }),
  z.strictObject({ queue: nameSchema }),
]);
export type Trigger = z.output<typeof triggerSchema>;

/** A binding is named as an environment variable and grants exactly one thing. */
export const bindingSchema = z.union([
  z.strictObject({ publish: z.union([topicSchema, topicFilterSchema]) }),
  z.strictObject({ kv: nameSchema }),
  z.strictObject({
    fetch: z
      .array(z.url({ protocol: /^https?$/ }))
      .min(1)
      .max(50),
  }),
  z.strictObject({ secret: nameSchema }),
  z.strictObject({ queue: nameSchema }),
  z.strictObject({ invoke: nameSchema }),
]);
export type Binding = z.output<typeof bindingSchema>;

const bindingNameSchema = z
  .string()
  .regex(/^[A-Z][A-Z0-9_]{0,63}$/, 'upper-case letters, digits and underscores');

const limitsSchema = z.strictObject({
  memory: bytesSchema.default(32 * 2 ** 20),
  cpu: durationSchema.default(50),
  timeout: durationSchema.default(5000),
  concurrency: z.int().min(1).max(1000).default(1),
  queue: z.int().min(1).max(1_000_000).default(1000),
});

export const functionSchema = z.strictObject({
  bundle: imageReferenceSchema.describe('The function bundle, an OCI artifact.'),
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

function absoluteRoute() {
  return z
    .string()
    .max(1024)
    .regex(/^\/[^\s?#]*$/, 'a route that begins with /');
}
