import { z } from 'zod';
import { isDigest, type Digest } from '../../lib/digest.ts';
import { SyncError } from '../errors.ts';

/** OCI image spec 1.1. Unknown fields are kept: the spec asks readers to ignore them. */

export const ociManifestType = 'application/vnd.oci.image.manifest.v1+json';
export const ociIndexType = 'application/vnd.oci.image.index.v1+json';
const dockerManifestType = 'application/vnd.docker.distribution.manifest.v2+json';
const dockerIndexType = 'application/vnd.docker.distribution.manifest.list.v2+json';
export const manifestTypes: readonly string[] = [
  ociManifestType,
  ociIndexType,
  dockerManifestType,
  dockerIndexType,
];

/** The distribution spec asks registries to take manifests of at least this size; nobody takes larger ones. */
export const manifestMaxBytes = 4 * 2 ** 20;

export const digestSchema = z.custom<Digest>(
  (value) => typeof value === 'string' && isDigest(value),
  'sha256:…',
);
const annotationsSchema = z.record(z.string().max(1024), z.string().max(65_536)).optional();

const descriptorSchema = z.looseObject({
  mediaType: z.string().min(1).max(255),
  digest: digestSchema,
  size: z.int().min(0),
  annotations: annotationsSchema,
  artifactType: z.string().max(255).optional(),
  urls: z.array(z.string().max(2048)).max(16).optional(),
});
export type Descriptor = z.output<typeof descriptorSchema>;

export const imageManifestSchema = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: z.string().max(255).optional(),
  artifactType: z.string().max(255).optional(),
  config: descriptorSchema,
  layers: z.array(descriptorSchema).max(1000),
  annotations: annotationsSchema,
});
export type ImageManifest = z.output<typeof imageManifestSchema>;

export const imageIndexSchema = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: z.string().max(255).optional(),
  manifests: z.array(descriptorSchema).max(10_000),
  annotations: annotationsSchema,
});
export type ImageIndex = z.output<typeof imageIndexSchema>;

/** Throws `badAnswer` when the bytes are not one image or artifact; an index of several platforms is not one. */
export function parseImageManifest(bytes: Uint8Array, name: string): ImageManifest {
  const value = parseJson(bytes, name);
  const result = imageManifestSchema.safeParse(value);
  if (result.success) return result.data;
  if (imageIndexSchema.safeParse(value).success) {
    throw new SyncError('badAnswer', `${name} is an index of several platforms, not one image`, {
      hint: 'Refer to the digest of one platform.',
    });
  }
  throw notAManifest(name, result.error);
}

function parseJson(bytes: Uint8Array, name: string): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch (cause) {
    throw notAManifest(name, cause);
  }
}

function notAManifest(name: string, cause: unknown): SyncError {
  return new SyncError('badAnswer', `${name} is not an OCI image manifest`, { cause });
}
