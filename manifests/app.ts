import { z } from 'zod';
import { absolutePathSchema, durationSchema, imageReferenceSchema, nameSchema } from './primitives.ts';

const environmentSchema = z.record(
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'an environment variable name'),
  z.string().max(32_768),
);

const healthTimes = {
  every: durationSchema.default(10_000),
  grace: durationSchema.default(30_000),
};

export const appSchema = z.strictObject({
  image: imageReferenceSchema,
  run: z
    .strictObject({
      command: z.array(z.string().min(1).max(4096)).min(1).max(256),
      env: environmentSchema.default({}),
      restart: z.enum(['always', 'on-failure', 'never']).default('always'),
    })
    .optional(),
  exports: z
    .array(
      z
        .string()
        .max(4096)
        .regex(/^(?!\/)(?!.*(^|\/)\.\.?(\/|$))[^\0]+$/, 'a relative path inside the image'),
    )
    .max(200)
    .default([]),
  site: z.strictObject({ route: z.string().regex(/^\/[^\s?#]*$/, 'a route that begins with /') }).optional(),
  volumes: z.record(absolutePathSchema, nameSchema).default({}),
  health: z
    .union([
      z.strictObject({ http: z.url({ protocol: /^https?$/ }), ...healthTimes }),
      z.strictObject({ tcp: z.string().regex(/^[^\s:]+:[0-9]{1,5}$/, 'host:port'), ...healthTimes }),
      z.strictObject({ exec: z.array(z.string().min(1)).min(1), ...healthTimes }),
    ])
    .optional(),
  isolation: z.enum(['container', 'sandbox', 'process']).default('container'),
  after: z.array(nameSchema).max(100).default([]),
});
export type AppSpec = z.output<typeof appSchema>;
