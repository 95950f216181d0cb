import { z } from 'zod';
import type { Digest } from '../../../lib/digest.ts';
import { isDigest } from '../../../lib/digest.ts';
import { jobCancelSchema, jobFailedSchema, jobLogSchema } from '../../jobs/job-messages.ts';

/** What the agent and the process that writes to `images/` say to each other. */

const digestSchema = z.custom<Digest>((value) => typeof value === 'string' && isDigest(value));

const layerSchema = z.strictObject({
  chainId: digestSchema,
  diffId: digestSchema,
  mediaType: z.string(),
  digest: digestSchema,
  /** File of the blob. */
  blob: z.string(),
});
export type StoreLayer = z.output<typeof layerSchema>;

const orderSchema = z.discriminatedUnion('kind', [
  /** The trees of these images, each of its layers from the lowest; those that are good stay as they are. */
  z.strictObject({
    kind: z.literal('make'),
    folder: z.string(),
    images: z.array(z.strictObject({ name: z.string(), layers: z.array(layerSchema) })),
  }),
  /** Folders in `images/`. */
  z.strictObject({ kind: z.literal('remove'), folder: z.string(), names: z.array(z.string()) }),
]);
export type StoreOrder = z.output<typeof orderSchema>;

export const toStoreJobSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('run'), order: orderSchema }),
  jobCancelSchema,
]);
export type ToStoreJob = z.output<typeof toStoreJobSchema>;

export const fromStoreJobSchema = z.discriminatedUnion('type', [
  jobLogSchema,
  jobFailedSchema,
  z.object({ type: z.literal('done') }),
]);
export type FromStoreJob = z.output<typeof fromStoreJobSchema>;
