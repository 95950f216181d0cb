export { fetchArtifact, pushArtifact } from './artifact.ts';
export { BlobFolder, type ByteRange } from './blob-folder.ts';
export type { BlobWriter } from './blob-writer.ts';
export {
  imageIndexSchema,
  imageManifestSchema,
  manifestMaxBytes,
  manifestTypes,
  ociIndexType,
  ociManifestType,
  parseImageManifest,
  type Descriptor,
} from './manifest.ts';
export { OciLayout } from './oci-layout.ts';
export { isRepository, isTag, parseReference } from './reference.ts';
export type { RegistryCredentials } from './registry-auth.ts';
export { RegistryClient, type RegistryClientOptions } from './registry-client.ts';
