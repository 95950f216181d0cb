import { z } from 'zod';
import { digestSchema } from '../manifest.ts';

/** OCI image spec 1.1, config.md; what is not named here is ignored. Bounded: it comes from whoever built the image. */
export const ociConfigType = 'application/vnd.oci.image.config.v1+json';
/** Bytes of JSON of a config. */
export const configMaxBytes = 8 * 2 ** 20;

const textSchema = z.string().max(65_536);
const listSchema = z.array(textSchema).max(4096).nullish();

export const imageConfigSchema = z.looseObject({
  architecture: z.string().min(1).max(64),
  os: z.string().min(1).max(64),
  variant: z.string().max(64).optional(),
  created: z.string().max(64).optional(),
  config: z
    .looseObject({
      User: z.string().max(256).optional(),
      Env: listSchema,
      Entrypoint: listSchema,
      Cmd: listSchema,
      WorkingDir: z.string().max(4096).optional(),
      StopSignal: z.string().max(64).optional(),
      Labels: z.record(z.string().max(1024), textSchema).nullish(),
    })
    .nullish(),
  rootfs: z.looseObject({
    type: z.literal('layers'),
    /** SHA-256 of each layer's tar, uncompressed, the lowest first. */
    diff_ids: z.array(digestSchema).max(1000),
  }),
});
export type ImageConfig = z.output<typeof imageConfigSchema>;
