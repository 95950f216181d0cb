import { z } from 'zod';
import { topicFilterSchema } from '../../manifests/primitives.ts';
import { desiredSchema, generationSchema, onlineSchema, phaseSchema, reportedSchema } from './messages.ts';

/** Bodies of the control plane's HTTP API under `/v1`. Operators: `Authorization: Bearer`. Devices: client certificate. */

/** Media type of a resolved manifest in canonical JSON (RFC 8785). */
export const manifestMediaType = 'application/vnd.holdfast.machine.v1+json';

const pemSchema = z.string().max(16_384);
export const deviceNameSchema = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);

/** Every answer with a status of 400 or more. `code` is stable. */
export const problemSchema = z.object({
  code: z.string().max(64),
  message: z.string().max(8192),
  hint: z.string().max(2048).optional(),
});
export type Problem = z.output<typeof problemSchema>;

/** GET /v1/info, no credential: what a client needs before it can trust us. */
export const infoSchema = z.object({
  name: z.literal('holdfast'),
  version: z.string(),
  ca: pemSchema.describe('CA certificate; check it against the pin of the token or the machine file.'),
  mqtt: z.string().describe('mqtts://host:port'),
});
export type Info = z.output<typeof infoSchema>;

/** POST /v1/enrolment-tokens (operator) */
export const createTokenRequestSchema = z.strictObject({
  device: deviceNameSchema,
  expiresInSeconds: z
    .int()
    .min(1)
    .max(30 * 86_400)
    .default(3600),
});
export const createTokenResponseSchema = z.object({
  token: z
    .string()
    .max(4096)
    .describe('hft1.…: address, CA pin, device and secret in one string; works once.'),
  device: deviceNameSchema,
  expires: z.iso.datetime(),
});
export type CreateTokenResponse = z.output<typeof createTokenResponseSchema>;

/** POST /v1/enrol (secret of the token). The same secret with the same key gets the same answer again. */
export const enrolRequestSchema = z.strictObject({
  device: deviceNameSchema,
  secret: z.string().max(256),
  csr: pemSchema.describe('PKCS #10; proves possession of the private key.'),
});
export const enrolResponseSchema = z.object({
  tenant: z.string().max(63),
  device: deviceNameSchema,
  certificate: pemSchema,
  ca: pemSchema,
  mqtt: z.string(),
});
export type EnrolResponse = z.output<typeof enrolResponseSchema>;

/** POST /v1/recovery/challenge, no credential */
export const challengeRequestSchema = z.strictObject({ device: deviceNameSchema });
export const challengeResponseSchema = z.object({ nonce: z.string().max(128) });

/**
 * POST /v1/recovery: a blank machine takes its identity again. `signature` is Ed25519 by the recovery key over
 * `holdfast-recovery\n{device}\n{nonce}\n{sha256 of csr, hex}`, base64. Older certificates of the device are revoked.
 */
export const recoveryRequestSchema = z.strictObject({
  device: deviceNameSchema,
  nonce: z.string().max(128),
  csr: pemSchema,
  signature: z.string().max(256),
});

/** PUT /v1/devices/{device}/desired (operator): the body is the resolved manifest in canonical JSON. */
export const deployQuerySchema = z.strictObject({
  recoveryKey: z
    .string()
    .max(256)
    .optional()
    .describe('Ed25519 public key (SPKI, base64url) that may restore the device.'),
  stage: z.enum(['true', 'false']).optional().describe('To disk only, until it is activated.'),
  now: z.enum(['true', 'false']).optional().describe('Without a wait for update windows and locks of apps.'),
});
export const deployResponseSchema = desiredSchema.extend({ unchanged: z.boolean() });
export type DeployResponse = z.output<typeof deployResponseSchema>;

/** POST /v1/devices/{device}/activate (operator): the desired generation goes live, now. Safe to repeat. */
export const activateRequestSchema = z.strictObject({
  generation: generationSchema.optional().describe('Refused unless it is the desired one.'),
});

/** GET /v1/devices/{device}/generations (operator), GET /v1/device/generations (device certificate): the newest first. */
export const generationsQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
const generationEntrySchema = desiredSchema.extend({
  created: z.iso.datetime(),
  phase: phaseSchema
    .nullable()
    .describe('The last that the device reported of it; null when it said nothing.'),
  reason: z.string().nullable().describe('Why the device gave it up.'),
  reported: z.iso.datetime().nullable().describe('When the cloud heard of that phase.'),
});
export type GenerationEntry = z.output<typeof generationEntrySchema>;
export const generationListSchema = z.object({ generations: z.array(generationEntrySchema) });

/** POST /v1/devices/{device}/rollback (operator): a new generation with the manifest of an earlier one. */
export const rollbackRequestSchema = z.strictObject({
  to: generationSchema
    .optional()
    .describe('By default the newest before the desired one that was committed and is another manifest.'),
  now: z.boolean().default(false).describe('Without a wait for update windows and locks of apps.'),
});
export const rollbackResponseSchema = deployResponseSchema.extend({
  restored: generationSchema.describe('The generation whose manifest this one has.'),
});
export type RollbackResponse = z.output<typeof rollbackResponseSchema>;

/** GET /v1/devices, GET /v1/devices/{device} (operator) */
export const deviceSchema = z.object({
  name: deviceNameSchema,
  enrolled: z.boolean(),
  online: onlineSchema.extend({ since: z.iso.datetime() }).nullable(),
  desired: desiredSchema.nullable(),
  reported: reportedSchema.extend({ received: z.iso.datetime() }).nullable(),
});
export type Device = z.output<typeof deviceSchema>;
export const deviceListSchema = z.object({ devices: z.array(deviceSchema) });

/** DELETE /v1/devices/{device}/certificates (operator): 204. The device must be enrolled or recovered again. */

/** GET /v1/device/desired (device certificate): `desired`, with ETag; 404 when nothing is deployed. */
/** GET /v1/device/manifests/{digest} (device certificate): canonical JSON bytes. */

/**
 * GET /v1/devices/{device}/messages and GET /v1/messages, of all devices (operator): what the relay stored, in order of
 * arrival. Times are those of the devices' clocks.
 */
const timeParameterSchema = z.iso.datetime({ offset: true }).optional();
export const messagesQuerySchema = z.strictObject({
  stream: z.string().max(63).optional(),
  topic: topicFilterSchema
    .optional()
    .describe('An MQTT topic filter. Gap records come along: what they stand for may have matched.'),
  since: timeParameterSchema.describe('Only messages of this time or later.'),
  until: timeParameterSchema.describe('Only messages of this time or earlier.'),
  after: z.coerce.number().int().min(0).default(0).describe('Cursor: `next` of the page before.'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});
const storedMessageSchema = z.object({
  id: z.int().describe('Cursor of this message; larger than that of any message that arrived before.'),
  device: deviceNameSchema,
  epoch: z.string(),
  stream: z.string(),
  seq: z.int(),
  time: z.iso.datetime().describe('When the device stored it.'),
  received: z.iso.datetime(),
  topic: z.string().nullable().describe('null for a gap record'),
  payload: z.string().nullable().describe('base64'),
  contentType: z.string().nullable(),
  gap: z.object({ count: z.int(), reason: z.string() }).nullable(),
});
export type StoredMessage = z.output<typeof storedMessageSchema>;
export const messagePageSchema = z.object({
  messages: z
    .array(storedMessageSchema)
    .describe('A page ends early when it grows large or takes long: it may be empty while there is more.'),
  next: z.int().nullable().describe('Cursor of the next page; null when there is no more yet.'),
  position: z.int().describe('Everything up to this cursor was looked at: where to go on later.'),
  removed: z
    .object({
      count: z.int().describe('Messages and gap records.'),
      oldestKept: z.iso.datetime().nullable().describe('When the oldest that is kept was received.'),
    })
    .nullable()
    .describe('What retention has removed of the stream, device or tenant so far.'),
});
export type MessagePage = z.output<typeof messagePageSchema>;

/** POST /v1/devices/{device}/invocations (operator): waits for the device's answer. */
export const invokeRequestSchema = z.strictObject({ function: z.string().max(63), payload: z.unknown() });
/** A function that returns nothing has no result: JSON has no word for it. */
export const invokeResponseSchema = z.object({ result: z.unknown().optional() });

/** GET, PUT and DELETE /v1/devices/{device}/streams…, GET /v1/retention (operator): what is kept, and what it takes. */
export const keepSchema = z.strictObject({
  keepMs: z
    .int()
    .min(1)
    .nullable()
    .describe('Milliseconds since the cloud received it; null is without end.'),
  keepBytes: z.int().min(1).nullable().describe('On the disk of the cloud; null is without end.'),
});
export type KeepRule = z.output<typeof keepSchema>;
const streamUsageSchema = z.object({
  device: deviceNameSchema,
  stream: z.string(),
  messages: z.int().describe('Messages and gap records that are kept.'),
  bytes: z.int().describe('On the disk of the cloud, compressed.'),
  removed: z.int().describe('Messages and gap records that retention has removed.'),
  keep: keepSchema.nullable().describe('A rule of its own; null where the default counts.'),
});
export type StreamUsageBody = z.output<typeof streamUsageSchema>;
export const streamListSchema = z.object({ streams: z.array(streamUsageSchema) });
export const retentionSchema = z.object({
  defaults: keepSchema.describe('keepMs for each stream without a rule; keepBytes for all streams together.'),
  totalBytes: z.int(),
  rules: z.array(streamUsageSchema),
});
export type Retention = z.output<typeof retentionSchema>;
