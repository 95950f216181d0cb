import { z } from 'zod';
import { deviceNameSchema } from './api.ts';

/** Bodies of `/v1/devices/{device}/vault…` and `/v1/device/vault`. The files themselves go by restic's REST protocol under `/vault/`. */

const dayMs = 86_400_000;

/** Of a repository; `config` is one file, the others are folders. */
const vaultFileTypes = ['config', 'keys', 'data', 'index', 'snapshots', 'locks'] as const;

/** Until then files of the vault may be removed, by operators and by the device itself. */
const vaultGrantSchema = z.object({
  untilMs: z.int().describe("Milliseconds since 1970, by the cloud's clock."),
  by: z.string().describe('Who gave it.'),
});
export type VaultGrant = z.output<typeof vaultGrantSchema>;

/** GET, POST and DELETE /v1/devices/{device}/vault/grant (operator) */
export const vaultGrantRequestSchema = z.strictObject({
  forMs: z
    .int()
    .min(1000)
    .max(7 * dayMs)
    .describe('How long files of the vault may be removed, at most seven days.'),
});
export const vaultGrantAnswerSchema = z.object({ grant: vaultGrantSchema.nullable() });

/** PUT /v1/devices/{device}/vault/quota (operator); DELETE: by the default again. */
export const vaultQuotaSchema = z.strictObject({
  quotaBytes: z.int().min(1).nullable().describe('What its files may take; null is without end.'),
});
export type VaultQuota = z.output<typeof vaultQuotaSchema>;

/** GET /v1/devices/{device}/vault (operator), GET /v1/device/vault (device certificate: its own) */
export const vaultUsageSchema = z.object({
  device: deviceNameSchema,
  bytes: z.int(),
  quotaBytes: z.int().nullable().describe('null is without end.'),
  files: z.record(z.enum(vaultFileTypes), z.object({ count: z.int(), bytes: z.int() })),
  snapshots: z
    .array(z.object({ name: z.string(), bytes: z.int(), receivedMs: z.int() }))
    .describe("The newest 1000 by the cloud's clock, newest first. What they are of, only a key tells."),
  newestReceivedMs: z.int().nullable().describe('Of the newest snapshot; null when there is none.'),
  grant: vaultGrantSchema.nullable().describe('null: nothing but locks may be removed.'),
});
export type VaultUsage = z.output<typeof vaultUsageSchema>;
