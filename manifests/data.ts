import { z } from 'zod';
import {
  bytesPerDaySchema,
  bytesPerSecondSchema,
  bytesSchema,
  durationBetween,
  durationSchema,
  excludePatternSchema,
  nameSchema,
  streamKeySchema,
  topicFilterSchema,
} from './primitives.ts';
import { cronSchema } from './schedule.ts';

const keepCount = z.int().min(1).max(100_000).optional();

export const volumeSchema = z.strictObject({
  snapshot: cronSchema.optional().describe('When to snapshot it, by the clock and zone of the machine.'),
  beforeUpdate: z
    .boolean()
    .optional()
    .describe(
      'Snapshot it before an app that has it is replaced; a rollback puts that back. By default where `snapshot` is given.',
    ),
  exclude: z
    .array(excludePatternSchema)
    .max(100)
    .optional()
    .describe('What snapshots leave out: patterns as in .gitignore, relative to the volume.'),
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

/** Streams with these names are the machine's own. */
const reservedStreams = ['observability'];
export const streamNameSchema = nameSchema.refine(
  (name) => !reservedStreams.includes(name),
  `a name other than ${reservedStreams.join(', ')}, which this machine has by itself`,
);

/** How a stream goes up to the cloud, or over a bridge. Bytes a day before compression, milliseconds, bytes a second. */
export const upwardSchema = z.strictObject({
  priority: z.int().min(0).max(9).default(5).describe('0 goes first.'),
  budget: bytesPerDaySchema.optional(),
  rate: bytesPerSecondSchema.optional().describe('Bytes on the wire a second, at most, over a few seconds.'),
  ttl: durationSchema
    .optional()
    .describe('Older messages are not sent any more; a gap record says how many.'),
});

/**
 * A durable local log. `keep` bounds it; `compact` keeps only the latest message of each key; `relay` sends it to the
 * cloud; each of `consumers` has a cursor of its own, up to which messages may go. Bytes, milliseconds.
 */
export const streamSchema = z.strictObject({
  topics: z.array(topicFilterSchema).min(1).max(100),
  keep: z.strictObject({ bytes: bytesSchema.optional(), age: durationSchema.optional() }).default({}),
  compact: z
    .strictObject({
      key: streamKeySchema.default('topic'),
      after: durationBetween('0ms', '52w')
        .prefault('0ms')
        .describe('Messages younger than this stay, superseded or not.'),
    })
    .optional(),
  consumers: z.array(nameSchema).max(20).default([]),
  relay: upwardSchema.optional(),
});
export type StreamSpec = z.output<typeof streamSchema>;
