import { z } from 'zod';
import { topicFilterSchema, topicPrefixSchema } from '../../manifests/primitives.ts';

const seqSchema = z.int().min(0);
const seqParameter = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

/** GET /v1/streams */
export const streamsSchema = z.object({
  streams: z.array(
    z.object({
      name: z.string(),
      messages: z.int(),
      bytes: z.int(),
      removed: z
        .boolean()
        .nullable()
        .describe(
          'The manifest has it no more: it only holds what it held then. Null while none is followed.',
        ),
      first: z.int().nullable().describe('Of the first record that is held; null while there is none.'),
      last: z.int().describe('The number given last; 0 before the first.'),
      oldest: z.iso.datetime().nullable(),
      newest: z.iso.datetime().nullable(),
      backlog: z.int().nullable().describe('What the cloud does not have yet; null: not relayed.'),
      consumers: z.array(
        z.object({
          name: z.string(),
          seq: z.int().describe('It has done with every message up to this one.'),
          lag: z.int(),
          missed: z
            .int()
            .nullable()
            .describe('Of a function: messages that were dropped before it had them, since the start.'),
        }),
      ),
    }),
  ),
});
export type Streams = z.output<typeof streamsSchema>;
export type Stream = Streams['streams'][number];

/** GET /v1/streams/{name}/removal : nothing, or what DELETE would be refused with now. */
export const nothingSchema = z.object({});

/** DELETE /v1/streams/{name} : drops what a stream holds that the manifest has no more. Answers with how many messages went. */
export const removedSchema = z.object({ removed: z.int() });

/** GET /v1/streams/{name}/position?since= : the number of the first record that is not before that time. */
export const positionQuerySchema = z.strictObject({ since: z.iso.datetime() });
export const positionSchema = z.object({ seq: z.int() });

/**
 * GET /v1/streams/{name}/records : JSON lines in order, from a number or a time on, behind a consumer's cursor, or the last
 * `tail`; by default from the oldest on. With `follow` the answer does not end. The agent reads on as the caller does.
 */
export const recordsQuerySchema = z
  .strictObject({
    from: seqParameter.optional(),
    since: z.iso.datetime().optional(),
    consumer: z.string().min(1).max(63).optional(),
    tail: z.coerce.number().int().min(0).max(1_000_000).optional(),
    until: seqParameter.optional().describe('The last number.'),
    limit: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
    follow: z.stringbool().default(false),
    topic: topicFilterSchema.optional(),
  })
  .refine(
    ({ from, since, consumer, tail }) =>
      [from, since, consumer, tail].filter((one) => one !== undefined).length <= 1,
    'one of from, since, consumer and tail',
  );

export const recordLineSchema = z.object({
  seq: z.int(),
  time: z.iso.datetime(),
  topic: z.string().optional(),
  contentType: z.string().optional(),
  key: z.string().optional(),
  payload: z.string().optional().describe('base64; left out in a gap.'),
  gap: z.object({ count: z.int(), reason: z.string() }).optional(),
});
export type RecordLine = z.output<typeof recordLineSchema>;

/**
 * POST /v1/streams/{name}/consumers/{consumer} : `seq` when it has done with every message up to that one, which never goes
 * back; `seek` to go on behind that number, wherever it is. Answers with where it is now, on disk.
 */
export const placeRequestSchema = z.union([
  z.strictObject({ seq: seqSchema }),
  z.strictObject({ seek: seqSchema }),
]);

const range = { from: z.int().min(1), until: seqSchema, topic: topicFilterSchema.optional() };

/** POST /v1/streams/{name}/replays : gives records again. Answers with JSON lines of progress; it stops when the caller goes. */
export const replayRequestSchema = z.union([
  z.strictObject({ ...range, function: z.string().min(1).max(63) }),
  z.strictObject({
    ...range,
    publish: topicPrefixSchema.min(1),
    rate: z.int().min(1).max(1_000_000).optional().describe('Messages a second.'),
  }),
]);
export type ReplayRequest = z.input<typeof replayRequestSchema>;

/** `problem` comes last, when it could not go on. */
export const replayLineSchema = z.union([
  z.object({ seq: z.int(), done: z.int(), skipped: z.int() }),
  z.object({ problem: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }) }),
]);
export type ReplayLine = z.output<typeof replayLineSchema>;
