import { join } from 'node:path';
import { ControlPlaneClient } from '../cloud-sync/protocol/control-plane-client.ts';
import { OciLayout, RegistryClient } from '../cloud-sync/oci/index.ts';
import { createHttpsClient, type HttpsClient } from '../lib/https-client.ts';
import type { Logger } from '../lib/logger.ts';
import type { DeviceIdentity } from './identity/identity-store.ts';
import { createArtifactSource } from './reconcile/artifact-source.ts';
import { openManifestSource } from './reconcile/manifest-source.ts';
import type { ArtifactSource, ManifestSource } from './reconcile/ports.ts';

export type Sources = AsyncDisposable & {
  readonly cloud: ControlPlaneClient;
  readonly layout: OciLayout;
  readonly manifests: ManifestSource;
  readonly artifacts: ArtifactSource;
};

/** Where a device gets manifests and artifacts from: its own folders first, then the control plane it enrolled with. */
export async function openSources(root: string, identity: DeviceIdentity, logger: Logger): Promise<Sources> {
  const http = createHttpsClient({
    ca: identity.ca,
    identity: { certificate: identity.certificate, key: identity.key },
  });
  const foreign: HttpsClient = createHttpsClient();
  const cloud = new ControlPlaneClient({ url: identity.url, http });
  const layout = await OciLayout.open(join(root, 'artifacts'));
  const manifests = await openManifestSource({
    folder: join(root, 'manifests'),
    device: identity.device,
    download: (digest, size, signal) => cloud.manifest(digest, size, { signal }),
  });
  const artifacts = createArtifactSource({
    folder: root,
    layout,
    registry: (host) =>
      host === undefined
        ? [new RegistryClient({ http, registryUrl: identity.url })]
        : [new RegistryClient({ http: foreign, registryUrl: `https://${host}` })],
    logger,
  });
  return {
    cloud,
    layout,
    manifests,
    artifacts,
    async [Symbol.asyncDispose]() {
      await http[Symbol.asyncDispose]();
      await foreign[Symbol.asyncDispose]();
    },
  };
}
