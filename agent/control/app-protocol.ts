import { z } from 'zod';

/** Longest that a lock by call holds. */
const lockMaxMs = 7 * 24 * 3_600_000;

/** In `GET /v1/status`: apps that run, by name; how each is stands in `components`. */
export const appStatusSchema = z.object({
  image: z.string().describe('Its digest.'),
  isolation: z.string(),
  restarts: z.int().describe('Since this version of it was first started by this agent.'),
  started: z.iso.datetime().nullable().describe('Null while it does not run.'),
  pid: z.int().nullable(),
  instance: z.string().nullable(),
  health: z.string().nullable().describe('What the last check found.'),
  isWell: z.boolean(),
});

const isolationSchema = z.object({ available: z.boolean(), by: z.string() });

export const isolationsSchema = z
  .object({
    container: isolationSchema,
    sandbox: isolationSchema,
    process: isolationSchema,
    unenforced: z
      .array(z.object({ limit: z.string(), why: z.string() }))
      .describe('Limits of apps that this machine cannot hold them to.'),
  })
  .describe('What apps are run by here.');

/** POST /v1/apps/{name}/start, …/stop, …/restart, …/unlock take an empty object; all answer with one. */
export const appRequestSchema = z.strictObject({});

/** POST /v1/apps/{name}/lock : holds updates back, over restarts of the agent. */
export const lockRequestSchema = z.strictObject({
  reason: z.string().min(1).max(200).default('by the operator'),
  ttlMs: z.int().min(1000).max(lockMaxMs),
});

/** GET /v1/apps/locks */
export const locksSchema = z.object({ locks: z.array(z.object({ app: z.string(), reason: z.string() })) });
export type Locks = z.output<typeof locksSchema>;
