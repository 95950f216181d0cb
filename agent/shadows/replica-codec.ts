import { z } from 'zod';
import type { JsonObject } from '../../lib/shadow/json.ts';
import type { Shadow } from '../../lib/shadow/shadow-document.ts';
import { AgentError } from '../errors.ts';
import { emptyReplica, type Replica } from './replica.ts';

/** The key-value store of the replicas, one key a shadow: no manifest can name it. */
export const replicaStore = '$shadow';

const sectionsSchema = z.strictObject({
  desired: z.custom<JsonObject>((value) => typeof value === 'object').optional(),
  reported: z.custom<JsonObject>((value) => typeof value === 'object').optional(),
}) as unknown as z.ZodType<Shadow['state']>;
const shadowSchema = z.strictObject({
  exists: z.boolean(),
  version: z.int().min(0),
  timestamp: z.int().min(0),
  state: sectionsSchema,
  metadata: sectionsSchema,
});
const replicaSchema = z.strictObject({ cloud: shadowSchema, local: shadowSchema, deleting: z.boolean() });

export function encodeReplica(replica: Replica): Uint8Array {
  return Buffer.from(JSON.stringify(replica));
}

/** Throws AgentError 'corrupt' for what was not written by `encodeReplica`. */
export function decodeReplica(name: string, bytes: Uint8Array | undefined): Replica {
  if (!bytes) return emptyReplica;
  try {
    return replicaSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch (cause) {
    throw new AgentError('corrupt', `The shadow ${name} in the local store cannot be read`, { cause });
  }
}
