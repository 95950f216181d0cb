import { z } from 'zod';
import { parsePasswordHash } from '../lib/password.ts';
import {
  bytesPerDaySchema,
  bytesSchema,
  cronSchema,
  durationSchema,
  topicFilterSchema,
} from './primitives.ts';

const keepCount = z.int().min(1).max(100_000).optional();

export const volumeSchema = z.strictObject({
  snapshot: cronSchema.optional(),
  keep: z
    .strictObject({
      within: durationSchema.optional(),
      last: keepCount,
      hourly: keepCount,
      daily: keepCount,
      weekly: keepCount,
      monthly: keepCount,
      yearly: keepCount,
    })
    .optional(),
});
export type VolumeSpec = z.output<typeof volumeSchema>;

/** A durable local log. `keep` bounds it; `relay` sends it to the cloud. Bytes, milliseconds, bytes a day. */
export const streamSchema = z.strictObject({
  topics: z.array(topicFilterSchema).min(1).max(100),
  keep: z.strictObject({ bytes: bytesSchema.optional(), age: durationSchema.optional() }).default({}),
  relay: z
    .strictObject({
      priority: z.int().min(0).max(9).default(5).describe('0 goes first.'),
      budget: bytesPerDaySchema.optional(),
      ttl: durationSchema.optional(),
    })
    .optional(),
});
export type StreamSpec = z.output<typeof streamSchema>;

const expectedHash = 'a scrypt hash as holdfast hash-password prints it, never a plain password';

/** A local MQTT client: who it is and which topics it may use. The name is its user name. */
export const clientSchema = z.strictObject({
  password: z
    .string()
    .max(256, { abort: true })
    .regex(/^\$scrypt\$ln=[0-9]+,r=[0-9]+,p=[0-9]+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$/, {
      message: expectedHash,
      abort: true,
    })
    .refine((hash) => parsePasswordHash(hash) !== undefined, expectedHash)
    .describe('scrypt hash in PHC format.'),
  publish: z.array(topicFilterSchema).max(100).default([]),
  subscribe: z.array(topicFilterSchema).max(100).default([]),
});
export type ClientSpec = z.output<typeof clientSchema>;
