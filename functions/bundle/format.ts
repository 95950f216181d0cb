import { z } from 'zod';
import { isDigest, type Digest } from '../../lib/digest.ts';

/** A function bundle is an OCI image manifest with an artifact type; see docs of the OCI image specification v1.1. */
export const mediaTypes = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  artifact: 'application/vnd.holdfast.function.v1',
  config: 'application/vnd.holdfast.function.config.v1+json',
  module: 'application/vnd.holdfast.function.module.v1+javascript',
  sourceMap: 'application/vnd.holdfast.function.sourcemap.v1+json',
  /** RFC 9512 has no word on it; registered by the WebAssembly community group. */
  wasm: 'application/wasm',
  data: 'application/octet-stream',
} as const;

export const bundleLimits = {
  manifestBytes: 64 * 1024,
  configBytes: 64 * 1024,
  codeBytes: 4 * 2 ** 20,
  sourceMapBytes: 16 * 2 ** 20,
  /** Files imported beside the code: how many, and their bytes in all. With the code they fit into one frame to a host. */
  files: 32,
  fileBytes: 3.5 * 2 ** 20,
} as const;

const digestSchema = z.string().refine(isDigest, 'sha256: and 64 hexadecimal digits');

const descriptorSchema = z.object({
  mediaType: z.string().max(255),
  digest: digestSchema,
  size: z.int().min(0),
});
export type Descriptor = { readonly mediaType: string; readonly digest: Digest; readonly size: number };

/** Layers: the module, its source map, then the files that the config names, in its order. */
export const bundleManifestSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.literal(mediaTypes.manifest),
  artifactType: z.literal(mediaTypes.artifact),
  config: descriptorSchema,
  layers: z
    .array(descriptorSchema)
    .min(1)
    .max(2 + bundleLimits.files),
});

const fileSchema = z.object({
  /** The specifier in the module's code: `./0123456789abcdef-name.wasm`. */
  name: z.string().regex(/^\.\/[A-Za-z0-9._-]{1,128}$/),
  /** What the import gives: a WebAssembly.Module, or an ArrayBuffer. */
  type: z.enum(['wasm', 'data']),
});

const shared = {
  /** `module`: handlers on the default export; `lambda`: an export named handler. */
  shape: z.enum(['module', 'lambda']),
  exports: z.array(z.string().max(256)).max(1000),
};

/** What the bundle offers, found without running it. Version 2 has files beside its code; without any it is version 1. */
export const bundleConfigSchema = z.discriminatedUnion('version', [
  z.object({ version: z.literal(1), ...shared }),
  z.object({ version: z.literal(2), ...shared, files: z.array(fileSchema).min(1).max(bundleLimits.files) }),
]);
export type BundleConfig = z.output<typeof bundleConfigSchema>;
export type BundleFileEntry = z.output<typeof fileSchema>;
