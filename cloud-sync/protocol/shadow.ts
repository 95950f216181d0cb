import { z } from 'zod';
import type { JsonObject } from '../../lib/shadow/json.ts';
import { shadowLimits, shadowNamePattern } from '../../lib/shadow/shadow-request.ts';

/** Bodies of the API of shadows, and what the cloud says on their topics. */

export const shadowNameSchema = z
  .string()
  .regex(shadowNamePattern, 'letters, digits, : _ and -, at most 64 characters');

/** zod's own type of JSON has arrays that may be written to. */
const sectionSchema = z.record(z.string(), z.json()) as unknown as z.ZodType<JsonObject, JsonObject>;
const timesSchema = z.strictObject({ desired: sectionSchema.optional(), reported: sectionSchema.optional() });
const versionSchema = z.int().min(0);
const timestampSchema = z.int().min(0).describe('Seconds since 1970.');
const tokenSchema = z.string().max(64).optional();

/** GET /v1/devices/{device}/shadows */
const shadowEntrySchema = z.strictObject({
  name: shadowNameSchema,
  version: versionSchema,
  timestamp: timestampSchema,
});
export const shadowListSchema = z.strictObject({ shadows: z.array(shadowEntrySchema) });
export type ShadowList = z.output<typeof shadowListSchema>;

/** GET /v1/devices/{device}/shadows/{name}, and `get/accepted` */
export const shadowDocumentSchema = z.strictObject({
  state: timesSchema.extend({
    delta: sectionSchema.optional().describe('What is desired and not reported.'),
  }),
  metadata: timesSchema.describe('When each value was set.'),
  version: versionSchema,
  timestamp: timestampSchema,
  clientToken: tokenSchema,
});
export type ShadowDocument = z.output<typeof shadowDocumentSchema>;

const patchSchema = z.strictObject({
  desired: sectionSchema.nullable().optional(),
  reported: sectionSchema.nullable().optional(),
});

/** PATCH /v1/devices/{device}/shadows/{name} */
export const shadowPatchSchema = z.strictObject({
  state: patchSchema.describe('Objects merge, null takes away, arrays are replaced.'),
  version: versionSchema.optional().describe('Only when this is the present version; 0: there is none.'),
  clientToken: tokenSchema,
});
export type ShadowPatch = z.input<typeof shadowPatchSchema>;

/** `update/accepted` */
export const shadowAcceptedSchema = z.strictObject({
  state: patchSchema,
  metadata: timesSchema,
  version: versionSchema,
  timestamp: timestampSchema,
  clientToken: tokenSchema,
});

/** `delete/accepted` */
export const shadowDeletedSchema = z.strictObject({
  version: versionSchema,
  timestamp: timestampSchema,
  clientToken: tokenSchema,
});

/** `…/rejected` */
export const shadowRejectedSchema = z.strictObject({
  code: z.int(),
  message: z.string().max(1024),
  timestamp: timestampSchema,
  clientToken: tokenSchema,
});

/** `shadow/list/accepted` */
export const shadowListedSchema = z.strictObject({
  shadows: z.array(shadowEntrySchema).max(shadowLimits.shadows),
  timestamp: timestampSchema,
  clientToken: tokenSchema,
});
