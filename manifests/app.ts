import { z } from 'zod';
import {
  absolutePathSchema,
  bytesBetween,
  durationBetween,
  httpUrlSchema,
  imageReferenceSchema,
  nameSchema,
  relativePathSchema,
  routeSchema,
} from './primitives.ts';

const argumentSchema = z.string().min(1).max(4096);

const environmentSchema = z.record(
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'an environment variable name, at most 128 characters'),
  z.string().max(32_768),
);

const healthTimes = {
  every: durationBetween('100ms', '1d').prefault('10s'),
  timeout: durationBetween('10ms', '5m').prefault('5s').describe('Of one check.'),
  grace: durationBetween('1ms', '1d')
    .prefault('30s')
    .describe('A start has this long to its first good check; failures before it do not count.'),
  failures: z.int().min(1).max(100).default(3).describe('Bad checks in a row after which it is unhealthy.'),
};

const hostAndPort =
  /^[A-Za-z0-9.-]{1,253}:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$/;

/** How to tell whether the app is well: exactly one of `http`, `tcp`, `exec`. Milliseconds. */
const healthSchema = z.union([
  z.strictObject({ http: httpUrlSchema, ...healthTimes }),
  z.strictObject({ tcp: z.string().max(300).regex(hostAndPort, 'host:port'), ...healthTimes }),
  z.strictObject({ exec: z.array(argumentSchema).min(1).max(256), ...healthTimes }),
]);

const stopSignals = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGKILL'] as const;

const runSchema = z.strictObject({
  command: z
    .array(argumentSchema)
    .min(1)
    .max(256)
    .optional()
    .describe("By default the image's entry point and command."),
  env: environmentSchema.default({}).describe("Added to the image's."),
  restart: z.enum(['always', 'on-failure', 'never']).default('always'),
  user: z
    .string()
    .max(128)
    .regex(/^[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]+)?$/, 'a user, or user:group, by name or number')
    .optional()
    .describe("By default the image's."),
  workdir: absolutePathSchema.optional().describe("By default the image's."),
  secrets: z
    .array(nameSchema)
    .max(50)
    .default([])
    .describe(
      'Each is a file in the folder that $CREDENTIALS_DIRECTORY names: /run/secrets, except for a process.',
    ),
  ports: z
    .array(z.int().min(1).max(65_535))
    .max(50)
    .default([])
    .describe('TCP ports it listens on. They must be free when it starts; others are told of in the status.'),
  network: z
    .enum(['host', 'none'])
    .optional()
    .describe(
      "The machine's own network, or a loopback of its own. By default host with `ports` and for a process, else none.",
    ),
  limits: z
    .strictObject({
      memory: bytesBetween('4MiB', '64TiB').optional(),
      cpu: z.number().min(0.01).max(1024).optional().describe('Cores.'),
      pids: z.int().min(1).max(1_000_000).optional(),
    })
    .prefault({}),
  stop: z
    .strictObject({
      signal: z.enum(stopSignals).optional().describe("By default the image's, else SIGTERM."),
      grace: durationBetween('0ms', '1h').prefault('10s').describe('Then SIGKILL.'),
    })
    .prefault({}),
});

/** An image and what is done with it: run it, put tools of it on the PATH, serve files of it. Milliseconds, bytes. */
export const appSchema = z.strictObject({
  image: imageReferenceSchema,
  run: runSchema.optional().describe('Without it, and without exports and site, it runs as the image says.'),
  exports: z
    .array(relativePathSchema)
    .max(200)
    .default([])
    .describe('Programs of the image, put on the PATH.'),
  site: z
    .strictObject({
      route: routeSchema,
      folder: relativePathSchema.optional().describe('In the image; by default all of it.'),
    })
    .optional()
    .describe('Static files behind the gateway.'),
  volumes: z.record(absolutePathSchema, nameSchema).default({}),
  health: healthSchema.optional(),
  isolation: z.enum(['container', 'sandbox', 'process']).default('container'),
  after: z.array(nameSchema).max(100).default([]),
});
export type AppSpec = z.output<typeof appSchema>;
export type RunSpec = z.output<typeof runSchema>;
export type HealthSpec = z.output<typeof healthSchema>;

const defaultRun: RunSpec = runSchema.parse({});

/** How an app runs; undefined for one that is only exported or served. */
export function runOf({ run, exports, site }: AppSpec): RunSpec | undefined {
  return run ?? (exports.length === 0 && site === undefined ? defaultRun : undefined);
}
