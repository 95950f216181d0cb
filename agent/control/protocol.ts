import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { appStatusSchema, isolationsSchema } from './app-protocol.ts';

/**
 * The local control protocol: HTTP/1.1 with JSON bodies over a Unix socket (a named pipe on Windows), readable by `curl --unix-socket`.
 * Faces (CLI, desktop) know the agent by this file only.
 */

/** Longest path that every Unix accepts in a sockaddr_un, the closing NUL left out. */
const socketPathMaxBytes = 103;

/** Where the agent of `root` listens. A path too long for a socket falls back to a name derived from it. */
export function controlSocketPath(root: string, platform: NodeJS.Platform = process.platform): string {
  const name = createHash('sha256').update(root).digest('hex').slice(0, 24);
  if (platform === 'win32') return `\\\\.\\pipe\\holdfast-${name}`;
  const path = join(root, 'control.sock');
  return Buffer.byteLength(path) <= socketPathMaxBytes ? path : join(tmpdir(), `holdfast-${name}.sock`);
}

/** Every answer with a status of 400 or more. `code` is stable. */
export const problemSchema = z.object({ code: z.string(), message: z.string(), hint: z.string().optional() });

/** How an agent answers a request that it does not know at all. */
export const noSuchRoute = { status: 404, code: 'badRequest' } as const;

const generationSchema = z.object({ generation: z.int(), digest: z.string() });

const bridgeStatusSchema = z.object({
  url: z.string(),
  connected: z.boolean(),
  refused: z.boolean().describe('The other broker does not take these credentials.'),
  since: z.iso.datetime().nullable(),
  lastError: z.string().nullable(),
  out: z.array(
    z.object({
      stream: z.string(),
      cursor: z.int(),
      backlog: z.int(),
      sent: z.int().describe('Messages since the start of the agent.'),
      missed: z.record(z.string(), z.int()).describe('Messages that were not sent since then, by reason.'),
    }),
  ),
  in: z.object({ received: z.int(), refused: z.int() }).nullable().describe('Messages since the start.'),
});

/** GET /v1/status */
export const statusSchema = z.object({
  version: z.string(),
  device: z.string(),
  tenant: z.string().nullable(),
  root: z.string(),
  pid: z.int(),
  hostPids: z.array(z.int()).describe('Function host processes.'),
  sandbox: z.string().describe('What those run in, or why in no more than the permission model.'),
  started: z.iso.datetime(),
  cloud: z.object({
    url: z.string().nullable().describe('Null for a device that is not enrolled.'),
    mqtt: z.string().nullable(),
    connected: z.boolean(),
    since: z.iso.datetime().nullable(),
    lastError: z.string().nullable(),
  }),
  desired: generationSchema.nullable(),
  applied: generationSchema.nullable(),
  phase: z.string().nullable(),
  conditions: z.array(
    z.object({ type: z.string(), status: z.boolean(), reason: z.string(), message: z.string() }),
  ),
  components: z.record(
    z.string(),
    z.object({
      kind: z.string(),
      digest: z.string().optional(),
      state: z.string(),
      message: z.string().optional(),
    }),
  ),
  mqtt: z.object({ host: z.string(), port: z.int() }),
  listeners: z
    .record(
      z.string(),
      z.object({
        protocol: z.enum(['mqtt', 'mqtts', 'ws', 'wss']),
        host: z.string(),
        port: z.int(),
        problem: z.string().nullable().describe('Why it cannot be reached; it is tried again.'),
      }),
    )
    .describe('Further listeners of the local broker.'),
  ca: z
    .object({ path: z.string(), pem: z.string() })
    .nullable()
    .describe('What clients of TLS listeners are to trust; null while none has a certificate of the device.'),
  sessions: z
    .array(
      z.object({
        client: z.string().describe('User name and client id.'),
        connected: z.boolean(),
        away: z.iso.datetime().nullable().describe('Since when; null while it is connected.'),
        messages: z.int(),
        bytes: z.int(),
        dropped: z.int().describe('Messages that had to make room.'),
      }),
    )
    .describe('MQTT sessions that outlive their connections, the fullest 100.'),
  bridges: z.record(z.string(), bridgeStatusSchema),
  relayProblem: z.string().nullable().describe('Why nothing is relayed although there is a link.'),
  http: z
    .object({
      host: z.string(),
      port: z.int().nullable().describe('Null while the port cannot be had; `problem` says why.'),
      problem: z.string().nullable(),
      inFlight: z.int(),
      routes: z.array(
        z.object({
          route: z.string(),
          function: z.string(),
          methods: z.array(z.string()).nullable().describe('Null: all.'),
          auth: z.enum(['local', 'public', 'bearer']),
          problem: z.string().nullable(),
        }),
      ),
      sites: z.array(z.object({ route: z.string(), app: z.string() })).describe('Files of images.'),
    })
    .nullable()
    .describe('The gateway; null while no generation had an http trigger or a site.'),
  apps: z.record(z.string(), appStatusSchema),
  isolations: isolationsSchema,
  exports: z
    .object({ folder: z.string(), programs: z.array(z.string()) })
    .describe('Programs of images, and the folder that has them: to be put on the PATH.'),
  streams: z.record(
    z.string(),
    z.object({ lastSeq: z.int(), ackedSeq: z.int(), backlog: z.int(), bytes: z.int() }),
  ),
  functions: z.record(
    z.string(),
    z.object({
      queued: z.int(),
      inFlight: z.int(),
      deadLetters: z.int(),
      denials: z.int().describe('Binding calls that were denied since the start of the agent.'),
      paused: z
        .object({
          reason: z.string(),
          until: z.iso.datetime().nullable().describe('Null: until it is resumed by hand.'),
          drops: z.boolean().describe('Its events are dropped meanwhile; else they wait.'),
        })
        .nullable(),
      budget: z
        .object({
          day: z.string().describe('UTC.'),
          invocations: z.int(),
          egressBytes: z.int(),
          cpuMs: z.number(),
          dropped: z.int().describe('Events dropped because the budget was used up.'),
          lifted: z.boolean().describe('It may go on until the end of the day.'),
        })
        .nullable()
        .describe('What it used today; null for a function without a budget.'),
    }),
  ),
});
export type Status = z.output<typeof statusSchema>;

/** GET /v1/logs?follow=&function=&app=&lines= : JSON lines, oldest first; with `follow` the answer does not end. */
export const logsQuerySchema = z.object({
  follow: z.stringbool().default(false),
  function: z.string().max(63).optional(),
  app: z.string().max(63).optional(),
  lines: z.coerce.number().int().min(0).max(10_000).default(100),
});
export const logLineSchema = z.looseObject({ time: z.string(), level: z.string(), event: z.string() });
export type LogLine = z.output<typeof logLineSchema>;

/** GET /v1/metrics : text for Prometheus; with `accept: application/json` this, by name as OpenTelemetry has them. */
const numberPointSchema = z.object({ attributes: z.record(z.string(), z.string()), value: z.number() });
const histogramPointSchema = z.object({
  attributes: z.record(z.string(), z.string()),
  count: z.int(),
  sum: z.number(),
  buckets: z.array(z.int()),
});
const describedSchema = { name: z.string(), unit: z.string(), description: z.string() };
export const metricsSchema = z.object({
  metrics: z.array(
    z.discriminatedUnion('kind', [
      z.object({
        ...describedSchema,
        kind: z.enum(['counter', 'gauge']),
        points: z.array(numberPointSchema),
      }),
      z.object({
        ...describedSchema,
        kind: z.literal('histogram'),
        bounds: z.array(z.number()),
        points: z.array(histogramPointSchema),
      }),
    ]),
  ),
});
export type AgentMetrics = z.output<typeof metricsSchema>;

/** POST /v1/functions/{name}/invocations */
export const invokeRequestSchema = z.strictObject({ payload: z.unknown() });
/** A function that returns nothing has no result: JSON has no word for it. */
export const invokeResponseSchema = z.object({ result: z.unknown().optional() });

/** POST /v1/functions/{name}/pause; POST …/resume takes an empty object. Both answer with one. */
export const pauseRequestSchema = z.strictObject({
  reason: z.string().min(1).max(200).default('by the operator'),
});
export const resumeRequestSchema = z.strictObject({});

/** GET /v1/functions/{name}/dead-letters?after= : oldest first. */
export const deadLettersQuerySchema = z.strictObject({ after: z.coerce.number().int().min(0).default(0) });
export const deadLettersResponseSchema = z.object({
  deadLetters: z.array(
    z.object({
      id: z.int(),
      kind: z.string(),
      topic: z
        .string()
        .describe('The cron expression of a scheduled event, the queue of a message, the volume of a file.'),
      contentType: z.string().optional(),
      payload: z.string().describe('base64'),
      time: z.iso.datetime(),
      died: z.iso.datetime(),
      attempts: z.int(),
      error: z.object({ code: z.string(), message: z.string() }),
    }),
  ),
  next: z.int().nullable().describe('`after` of the next page; null at the end.'),
});
export type DeadLetters = z.output<typeof deadLettersResponseSchema>;
export type DeadLetter = DeadLetters['deadLetters'][number];

/** POST /v1/functions/{name}/dead-letters/redeliver and …/discard: those with these ids, or all. */
export const chosenDeadLettersSchema = z.strictObject({
  ids: z.array(z.int().min(1)).min(1).max(1000).optional(),
});
export const deadLettersDoneSchema = z.object({ count: z.int(), left: z.int() });

/** GET /v1/secrets : by name; `set` is null for one that functions wait for. */
export const secretsSchema = z.object({
  secrets: z.array(
    z.object({ name: z.string(), set: z.iso.datetime().nullable(), usedBy: z.array(z.string()) }),
  ),
});
export type Secrets = z.output<typeof secretsSchema>;

/** PUT /v1/secrets/{name}; DELETE takes nothing. Both answer with the functions that use it. */
export const secretRequestSchema = z.strictObject({ value: z.string() });
export const secretUsersSchema = z.object({ usedBy: z.array(z.string()) });

/** POST /v1/plan: what applying this resolved manifest (canonical JSON) would do here. */
export const planResponseSchema = z.object({
  steps: z.array(z.looseObject({ kind: z.string(), summary: z.string() })),
  downloadBytes: z.int().nullable(),
  restarts: z.array(z.string()),
});
export type PlanResponse = z.output<typeof planResponseSchema>;
