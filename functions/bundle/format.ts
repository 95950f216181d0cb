import { z } from 'zod';
import { isDigest, type Digest } from '../../lib/digest.ts';

/** A function bundle is an OCI image manifest with an artifact type; see docs of the OCI image specification v1.1. */
export const mediaTypes = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  artifact: 'application/vnd.holdfast.function.v1',
  config: 'application/vnd.holdfast.function.config.v1+json',
  module: 'application/vnd.holdfast.function.module.v1+javascript',
  sourceMap: 'application/vnd.holdfast.function.sourcemap.v1+json',
} as const;

export const bundleLimits = {
  manifestBytes: 64 * 1024,
  configBytes: 64 * 1024,
  codeBytes: 4 * 2 ** 20,
  sourceMapBytes: 16 * 2 ** 20,
} as const;

const digestSchema = z.string().refine(isDigest, 'sha256: and 64 hexadecimal digits');

const descriptorSchema = z.object({
  mediaType: z.string().max(255),
  digest: digestSchema,
  size: z.int().min(0),
});
export type Descriptor = { readonly mediaType: string; readonly digest: Digest; readonly size: number };

export const bundleManifestSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.literal(mediaTypes.manifest),
  artifactType: z.literal(mediaTypes.artifact),
  config: descriptorSchema,
  layers: z.array(descriptorSchema).min(1).max(2),
});

/** What the bundle offers, found without running it: how its handlers are exported. */
export const bundleConfigSchema = z.object({
  version: z.literal(1),
  /** `module`: handlers on the default export; `lambda`: an export named handler. */
  shape: z.enum(['module', 'lambda']),
  exports: z.array(z.string().max(256)).max(1000),
});
export type BundleConfig = z.output<typeof bundleConfigSchema>;
