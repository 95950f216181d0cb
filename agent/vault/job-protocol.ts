import { z } from 'zod';
import {
  addKeyResponseSchema,
  keySlotsSchema,
  snapshotOutcomeSchema,
  snapshotProgressSchema,
  upkeepResultSchema,
} from '../control/vault-protocol.ts';
import { jobCancelSchema, jobFailedSchema, jobLogSchema } from '../jobs/job-messages.ts';

/**
 * What the agent and the process of one job say to each other, over node's IPC channel: secrets never stand in a command line
 * or an environment.
 */

const keepCount = z.int().optional();
const keepSchema = z.strictObject({
  within: z.number().optional(),
  last: keepCount,
  hourly: keepCount,
  daily: keepCount,
  weekly: keepCount,
  monthly: keepCount,
  yearly: keepCount,
});

/** How to reach and open the repository. */
const accessSchema = z.strictObject({
  location: z.string(),
  /** For the REST server: what it is trusted by, and what this device shows to it. */
  http: z.strictObject({
    ca: z.string().optional(),
    identity: z.strictObject({ certificate: z.string(), key: z.string() }).optional(),
    /** user:password */
    login: z.string().optional(),
  }),
  /** Password of the device's own key slot. */
  secret: z.string(),
  device: z.string(),
  /** The device's key slot in the repository used before. */
  slot: z.string().nullable(),
  /** Of the repository used before: another one is refused, and none is not made anew. Null at the first use. */
  repositoryId: z.string().nullable(),
  /** A file that remembers which snapshots were there. */
  floor: z.string(),
  /** The trusted owner key (base64url): a slot sealed to it is added unless the one of this name is there. */
  owner: z.strictObject({ publicKey: z.string(), slot: z.string().nullable() }).nullable(),
});
export type VaultAccess = z.output<typeof accessSchema>;

const taskSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('snapshot'),
    folder: z.string(),
    recordedPath: z.string(),
    tags: z.array(z.string()),
    excludes: z.array(z.string()),
    memory: z.string(),
    bytesPerSecond: z.number().optional(),
    skipUnchanged: z.boolean(),
  }),
  z.strictObject({ kind: z.literal('restore'), snapshot: z.string(), target: z.string() }),
  z.strictObject({
    kind: z.literal('forget'),
    volumes: z.array(z.strictObject({ recordedPath: z.string(), keep: keepSchema })),
    prune: z.boolean(),
  }),
  z.strictObject({ kind: z.literal('prune') }),
  z.strictObject({
    kind: z.literal('check'),
    readData: z.strictObject({ part: z.int(), of: z.int() }).optional(),
  }),
  z.strictObject({ kind: z.literal('listKeys') }),
  z.strictObject({ kind: z.literal('addPassphrase'), passphrase: z.string() }),
  z.strictObject({ kind: z.literal('addRecoveryCode') }),
  z.strictObject({ kind: z.literal('removeKey'), name: z.string() }),
]);
export type VaultTask = z.output<typeof taskSchema>;

export const toJobSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('run'), access: accessSchema, task: taskSchema }),
  jobCancelSchema,
]);
export type ToJob = z.output<typeof toJobSchema>;

const restoredSchema = z.object({ snapshot: z.string(), files: z.int(), bytes: z.int() });
export type RestoredVolume = z.output<typeof restoredSchema>;

const resultSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('snapshot'), outcome: snapshotOutcomeSchema }),
  z.object({ kind: z.literal('restore'), restored: restoredSchema }),
  z.object({ kind: z.literal('upkeep'), result: upkeepResultSchema }),
  z.object({ kind: z.literal('keys'), ...keySlotsSchema.shape }),
  z.object({ kind: z.literal('keyAdded'), added: addKeyResponseSchema }),
]);
export type VaultTaskResult = z.output<typeof resultSchema>;

const stepSchema = z.object({ done: z.number(), total: z.number().nullable(), message: z.string() });
export type JobStep = z.output<typeof stepSchema>;

const openedSchema = z.object({ id: z.string(), slot: z.string(), ownerSlot: z.string().nullable() });
export type OpenedRepository = z.output<typeof openedSchema>;

export const fromJobSchema = z.discriminatedUnion('type', [
  /** The repository is open; its id, the slot that opened it, and that of the owner key that was asked for. */
  z.object({ type: z.literal('opened'), opened: openedSchema }),
  z.object({ type: z.literal('snapshotProgress'), progress: snapshotProgressSchema }),
  z.object({ type: z.literal('step'), step: stepSchema }),
  jobLogSchema,
  z.object({ type: z.literal('done'), result: resultSchema }),
  jobFailedSchema,
]);
export type FromJob = z.output<typeof fromJobSchema>;
