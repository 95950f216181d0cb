export {
  fetchArtifact,
  pushArtifact,
  type ArtifactLimits,
  type BytesProgress,
  type FetchedArtifact,
  type FetchRequest,
  type PushedBlob,
  type PushRequest,
} from './artifact.ts';
export { BlobFolder, type ByteRange } from './blob-folder.ts';
export type { BlobWriter } from './blob-writer.ts';
export {
  descriptorSchema,
  imageIndexSchema,
  imageManifestSchema,
  manifestMaxBytes,
  manifestTypes,
  ociIndexType,
  ociManifestType,
  parseImageManifest,
  type Descriptor,
  type ImageIndex,
  type ImageManifest,
} from './manifest.ts';
export { OciLayout } from './oci-layout.ts';
export { formatReference, isRepository, isTag, parseReference, type Reference } from './reference.ts';
export type { RegistryCredentials } from './registry-auth.ts';
export {
  RegistryClient,
  type PulledManifest,
  type RegistryClientOptions,
  type ResolvedManifest,
} from './registry-client.ts';
