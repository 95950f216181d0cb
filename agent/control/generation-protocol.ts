import { z } from 'zod';

const generationSchema = z
  .int()
  .min(1)
  .max(2 ** 48);

/** GET /v1/generations: those this device knows, the newest first. */
const listedGenerationSchema = z.object({
  generation: z.int(),
  digest: z.string(),
  current: z.boolean().describe('It runs.'),
  phase: z.string().describe('Of the newest: what it has reached. Of others: how they ended.'),
  reason: z.string().nullable().describe('Why it was given up, or what it waits for.'),
  time: z.iso.datetime().nullable().describe('When it ended.'),
  pinned: z.boolean().describe('It stays on disk until it is unpinned.'),
});
export type ListedGeneration = z.output<typeof listedGenerationSchema>;
export const listedGenerationsSchema = z.object({ generations: z.array(listedGenerationSchema) });

/** POST /v1/generations/activate: the newest goes live now, wherever it waits. Safe to repeat. */
export const activateGenerationSchema = z.strictObject({ generation: generationSchema.optional() });
export const activatedGenerationSchema = z.object({ generation: z.int(), phase: z.string() });

/** POST /v1/generations/pin and …/unpin */
export const pinRequestSchema = z.strictObject({ generation: generationSchema });
export const pinnedSchema = z.object({ pinned: z.array(z.int()) });
