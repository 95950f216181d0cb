import { z } from 'zod';

/** What every process of a job may say over node's IPC channel, beside what is its own. */

export const jobLogSchema = z.object({
  type: z.literal('log'),
  level: z.enum(['debug', 'info', 'warn', 'error']),
  event: z.string(),
  fields: z.record(z.string(), z.unknown()),
});

export const jobFailedSchema = z.object({
  type: z.literal('failed'),
  problem: z.object({
    code: z.string(),
    message: z.string(),
    hint: z.string().optional(),
    transient: z.boolean(),
  }),
});

export type JobLog = z.output<typeof jobLogSchema>;
export type JobFailed = z.output<typeof jobFailedSchema>;

/** From the agent: end, and undo what is half-done. */
export const jobCancelSchema = z.strictObject({ type: z.literal('cancel') });
