import { z } from 'zod';
import {
  absolutePathSchema,
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
  grace: durationBetween('1ms', '1d').prefault('30s'),
};

const hostAndPort =
  /^[A-Za-z0-9.-]{1,253}:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$/;

/** How to tell whether the app is well: exactly one of `http`, `tcp`, `exec`. Milliseconds. */
const healthSchema = z.union([
  z.strictObject({ http: httpUrlSchema, ...healthTimes }),
  z.strictObject({ tcp: z.string().max(300).regex(hostAndPort, 'host:port'), ...healthTimes }),
  z.strictObject({ exec: z.array(argumentSchema).min(1).max(256), ...healthTimes }),
]);

export const appSchema = z.strictObject({
  image: imageReferenceSchema,
  run: z
    .strictObject({
      command: z.array(argumentSchema).min(1).max(256),
      env: environmentSchema.default({}),
      restart: z.enum(['always', 'on-failure', 'never']).default('always'),
    })
    .optional(),
  exports: z.array(relativePathSchema).max(200).default([]),
  site: z.strictObject({ route: routeSchema }).optional(),
  volumes: z.record(absolutePathSchema, nameSchema).default({}),
  health: healthSchema.optional(),
  isolation: z.enum(['container', 'sandbox', 'process']).default('container'),
  after: z.array(nameSchema).max(100).default([]),
});
export type AppSpec = z.output<typeof appSchema>;
