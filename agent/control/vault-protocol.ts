import { z } from 'zod';
import type { SnapshotOutcome, SnapshotProgress } from '../../cloud-sync/vault/snapshot/snapshot-request.ts';
import { nameSchema } from '../../manifests/primitives.ts';

/** The part of the control protocol that is about snapshots of volumes and their repository. */

export const snapshotProgressSchema = z.object({
  filesDone: z.number(),
  bytesDone: z.number(),
  filesTotal: z.number().nullable(),
  bytesTotal: z.number().nullable(),
  bytesAdded: z.number(),
  bytesPerSecond: z.number(),
  remainingMs: z.number().nullable(),
}) satisfies z.ZodType<SnapshotProgress>;

export const snapshotOutcomeSchema = z.object({
  id: z.string(),
  parent: z.string().nullable(),
  skipped: z.boolean(),
  files: z.object({ new: z.int(), changed: z.int(), unmodified: z.int() }),
  folders: z.int(),
  totalBytes: z.int(),
  newBytes: z.int(),
  storedBytes: z.int(),
  durationMs: z.number(),
  problems: z
    .array(
      z.object({
        path: z.string(),
        code: z.enum(['vanished', 'changed', 'unreadable', 'unsupported', 'attribute']),
        message: z.string(),
      }),
    )
    .max(1000)
    .readonly(),
  problemCount: z.int(),
}) satisfies z.ZodType<SnapshotOutcome>;

const problemSchema = z.object({ code: z.string(), message: z.string(), hint: z.string().optional() });
const moment = z.iso.datetime();

const jobKinds = ['snapshot', 'restore', 'forget', 'prune', 'check', 'keys', 'accept'] as const;
export type VaultJobKind = (typeof jobKinds)[number];

const jobSchema = z.object({
  id: z.int().describe('Since the start of the agent.'),
  kind: z.enum(jobKinds),
  volume: z.string().nullable(),
  reason: z.string().describe('What it is for: schedule, request, or what asked for it.'),
  state: z.enum(['waiting', 'running', 'succeeded', 'failed', 'cancelled']),
  asked: moment,
  started: moment.nullable(),
  ended: moment.nullable(),
  progress: snapshotProgressSchema.nullable().describe('Of a snapshot that runs.'),
  problem: problemSchema.nullable(),
});
export type VaultJobStatus = z.output<typeof jobSchema>;

/** GET /v1/vault/jobs : newest first, those of this start of the agent, at most 100. */
export const vaultJobsSchema = z.object({ jobs: z.array(jobSchema) });

const volumeStatusSchema = z.object({
  schedule: z.string().nullable(),
  next: moment.nullable().describe('When its next snapshot is due; a retry of one that failed too.'),
  overdue: z.boolean().describe('A scheduled snapshot is due and has not been made.'),
  last: z
    .object({
      snapshot: z.string(),
      time: moment,
      totalBytes: z.int(),
      newBytes: z.int(),
      storedBytes: z.int(),
      durationMs: z.number(),
      problems: z.int().describe('Files that could not be taken as they were.'),
    })
    .nullable(),
  restored: z
    .object({ snapshot: z.string(), taken: z.string(), restored: moment })
    .nullable()
    .describe('What it was made of when the machine was brought back.'),
  unchanged: moment.nullable().describe('When it was looked at last and nothing was new.'),
  failure: problemSchema.extend({ time: moment, attempts: z.int() }).nullable(),
});
export type VolumeVaultStatus = z.output<typeof volumeStatusSchema>;

/** GET /v1/vault */
export const vaultStatusSchema = z.object({
  repository: z
    .object({ location: z.string(), id: z.string().nullable().describe('Null before its first use.') })
    .nullable()
    .describe('Null while no volume is to be snapshotted and the manifest names none.'),
  owner: z
    .object({
      fingerprint: z.string().nullable().describe('Of the owner key that this device trusts.'),
      offered: z
        .string()
        .nullable()
        .describe('Of another one that the manifest has now: not used until it is accepted on the device.'),
      slot: z.boolean().describe('The repository can be opened by its passphrase.'),
    })
    .nullable(),
  power: z.enum(['mains', 'battery', 'unknown']),
  link: z.enum(['metered', 'unmetered', 'unknown']),
  paused: z.enum(['onBattery', 'onMetered']).nullable().describe('Why scheduled snapshots wait.'),
  retention: z.object({ time: moment, problem: problemSchema.nullable() }).nullable(),
  running: jobSchema.nullable(),
  waiting: z.int(),
  volumes: z.record(z.string(), volumeStatusSchema),
});
export type VaultStatus = z.output<typeof vaultStatusSchema>;

/**
 * POST /v1/vault/snapshots : one volume after the other, all of the manifest by default. Answers with JSON lines; what this
 * request began stops when the caller goes. `problem` of a volume does not keep the others from being done.
 */
export const snapshotsRequestSchema = z.strictObject({
  volumes: z.array(nameSchema).min(1).max(500).optional(),
  reason: z.string().min(1).max(200).default('request'),
});
export const snapshotLineSchema = z.union([
  z.object({ volume: z.string(), progress: snapshotProgressSchema }),
  z.object({ volume: z.string(), outcome: snapshotOutcomeSchema }),
  z.object({ volume: z.string().nullable(), problem: problemSchema }),
]);
export type SnapshotLine = z.output<typeof snapshotLineSchema>;

/**
 * POST /v1/vault/upkeep : `forget` drops snapshots by the volumes' `keep`, with `prune` also what only they needed. JSON
 * lines of progress, then one with the result or the problem.
 */
export const upkeepRequestSchema = z.discriminatedUnion('do', [
  z.strictObject({
    do: z.literal('forget'),
    volumes: z.array(nameSchema).min(1).max(500).optional(),
    prune: z.boolean().default(false),
  }),
  z.strictObject({ do: z.literal('prune') }),
  z.strictObject({
    do: z.literal('check'),
    /** Also reads the packs: the `part`th of `of` parts. */
    readData: z
      .strictObject({ part: z.int().min(1).max(10_000), of: z.int().min(1).max(10_000) })
      .refine(({ part, of }) => part <= of, 'a part of them')
      .optional(),
  }),
]);
export type UpkeepRequest = z.input<typeof upkeepRequestSchema>;

export const upkeepResultSchema = z.discriminatedUnion('did', [
  z.object({
    did: z.literal('forget'),
    kept: z.int(),
    forgotten: z.array(z.string()),
    /** Of the prune, if one was asked for and there was something to do. */
    freedBytes: z.int().nullable(),
  }),
  z.object({ did: z.literal('prune'), freedBytes: z.int() }),
  z.object({
    did: z.literal('check'),
    snapshots: z.int(),
    damage: z.array(z.object({ kind: z.string(), name: z.string(), message: z.string() })).max(1000),
    damageCount: z.int(),
  }),
]);
export type UpkeepResult = z.output<typeof upkeepResultSchema>;

export const upkeepLineSchema = z.union([
  z.object({ progress: z.object({ done: z.number(), total: z.number().nullable(), message: z.string() }) }),
  z.object({ result: upkeepResultSchema }),
  z.object({ problem: problemSchema }),
]);
export type UpkeepLine = z.output<typeof upkeepLineSchema>;

const keySlotSchema = z.object({
  name: z.string(),
  kind: z.enum(['device', 'owner', 'passphrase', 'recovery', 'password']),
  user: z.string(),
  host: z.string(),
  created: z.string(),
  inUse: z.boolean().describe('The one that the agent opens the repository with.'),
});

/** GET /v1/vault/keys : the key slots of the repository, oldest first. DELETE /v1/vault/keys/{name}: its answer too. */
export const keySlotsSchema = z.object({ slots: z.array(keySlotSchema).max(1000) });
export type KeySlotStatus = z.output<typeof keySlotSchema>;

/** POST /v1/vault/keys : a further slot. A recovery code is made here, and told this once. */
export const addKeyRequestSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('passphrase'), passphrase: z.string().min(1).max(1024) }),
  z.strictObject({ kind: z.literal('recovery') }),
]);
export const addKeyResponseSchema = z.object({ name: z.string(), recoveryCode: z.string().optional() });
export type AddedKey = z.output<typeof addKeyResponseSchema>;

/** POST /v1/vault/owner : trusts the owner key that the manifest has now, if that is the one with this fingerprint. */
export const trustOwnerRequestSchema = z.strictObject({ fingerprint: z.string().min(1).max(100) });
export const trustOwnerResponseSchema = z.object({ fingerprint: z.string() });

/**
 * POST /v1/vault/state : takes what the store has now for the truth, after a `stale` problem: snapshots that are missing are not missed
 * any more, and another repository, or none, may lie where one was. Answers with an empty object.
 */
export const acceptStateRequestSchema = z.strictObject({ accept: z.literal(true) });
