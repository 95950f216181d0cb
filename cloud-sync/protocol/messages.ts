import { z } from 'zod';

/** Payloads of the control protocol: JSON, UTF-8. Every bound here is checked on both ends. */

export const digestSchema = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'sha256: and 64 hexadecimal digits');
export const generationSchema = z
  .int()
  .min(1)
  .max(2 ** 48);

/** Up, retained, and the last will. An `online: false` of a session older than the newest known is ignored. */
export const onlineSchema = z.strictObject({
  online: z.boolean(),
  session: z.int().min(1).describe('Grows with every connection of the device.'),
  boot: z.string().max(64).describe('A random id of this start of the agent.'),
  agent: z.string().max(64).describe('Version of the agent.'),
});
export type Online = z.output<typeof onlineSchema>;

/** Down, retained: a pointer; the manifest itself is fetched over HTTPS. */
export const desiredSchema = z.strictObject({
  generation: generationSchema,
  digest: digestSchema,
  size: z
    .int()
    .min(1)
    .max(16 * 2 ** 20),
  hold: z.literal(true).optional().describe('Bring it to disk, and wait until it comes again without this.'),
  now: z.literal(true).optional().describe('Wait for no update window and no lock of an app.'),
});
export type Desired = z.output<typeof desiredSchema>;

export const phaseSchema = z.enum([
  'accepted',
  'fetching',
  'staged',
  'applying',
  'verifying',
  'committed',
  'rolledBack',
  'failed',
  'rejected',
]);
export type Phase = z.output<typeof phaseSchema>;

export const conditionSchema = z.strictObject({
  type: z.string().max(64),
  status: z.boolean(),
  reason: z.string().max(64).describe('Stable code.'),
  message: z.string().max(2048).describe('For people: what, where, what to do.'),
});
export type Condition = z.output<typeof conditionSchema>;

const componentSchema = z.strictObject({
  kind: z.enum(['app', 'function', 'listener', 'bridge', 'volume']),
  digest: digestSchema.optional(),
  state: z.enum(['running', 'waiting', 'paused', 'stopped', 'failed', 'unsupported']),
  message: z.string().max(2048).optional(),
});
export type Component = z.output<typeof componentSchema>;

/** Up, retained: the whole state, sent in full on every connection until its `seq` is acknowledged. */
export const reportedSchema = z.strictObject({
  seq: z.int().min(1),
  observed: generationSchema.nullable().describe('Newest generation the device has seen.'),
  applied: generationSchema.nullable().describe('Generation it runs.'),
  digest: digestSchema.nullable().describe('Manifest digest of the applied generation.'),
  phase: phaseSchema.nullable().describe('Phase of the observed generation.'),
  conditions: z.array(conditionSchema).max(32),
  components: z.record(z.string().max(128), componentSchema),
  recovered: z.boolean().optional().describe('The local state was lost or broken and was rebuilt.'),
});
export type Reported = z.output<typeof reportedSchema>;

export const reportedAckSchema = z.strictObject({ seq: z.int().min(1) });

/** Down: every message of the stream up to and with `seq` is committed in the cloud's database. [G1, G5] */
export const relayAckSchema = z.strictObject({
  epoch: z.string().regex(/^[0-9a-f]{16}$/),
  stream: z.string().min(1).max(63),
  seq: z.int().min(0),
});
export type RelayAck = z.output<typeof relayAckSchema>;

/** Bytes of JSON of a command; a device takes no larger one. */
export const commandMaxBytes = 256 * 1024;

export const commandSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('invoke'), function: z.string().max(63), payload: z.unknown() }),
]);
export type Command = z.output<typeof commandSchema>;

/** Bytes of JSON of a status: the largest result of a function, and what is around it. */
export const commandStatusMaxBytes = 2 ** 20 + 8192;

export const commandStatusSchema = z.strictObject({
  status: z.enum(['accepted', 'running', 'succeeded', 'failed', 'rejected']),
  result: z.unknown().optional(),
  error: z.strictObject({ code: z.string().max(64), message: z.string().max(4096) }).optional(),
});
export type CommandStatus = z.output<typeof commandStatusSchema>;
