import { z } from 'zod';
import { bytesBetween, durationBetween } from './primitives.ts';
import { cronSchema, timezoneSchema } from './schedule.ts';

/** When a generation that is on disk whole may go live, and how much of earlier ones stays. Milliseconds, bytes. */
export const updatesSchema = z.strictObject({
  windows: z
    .array(
      z.strictObject({
        cron: cronSchema.describe('When it opens.'),
        duration: durationBetween('1m', '7d'),
        timezone: timezoneSchema.optional().describe("By default the machine's."),
      }),
    )
    .max(50)
    .default([])
    .describe('Without any, at any time.'),
  defer: durationBetween('0ms', '52w')
    .prefault('1d')
    .describe('How long locks of apps may hold an update back, at most.'),
  keep: z
    .int()
    .min(2)
    .max(50)
    .default(3)
    .describe('Generations whose images stay on disk, besides pinned ones.'),
  store: bytesBetween('16MiB', '1024TiB')
    .optional()
    .describe(
      'Bytes of images on disk: beyond it, generations older than the previous one go, unless pinned.',
    ),
});
export type UpdatesSpec = z.output<typeof updatesSchema>;
