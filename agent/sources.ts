import { join } from 'node:path';
import { ControlPlaneClient } from '../cloud-sync/protocol/control-plane-client.ts';
import { OciLayout, RegistryClient } from '../cloud-sync/oci/index.ts';
import { createHttpsClient } from '../lib/https-client.ts';
import type { Logger } from '../lib/logger.ts';
import { AgentError } from './errors.ts';
import { isEnrolled, type DeviceIdentity, type Identity } from './identity/identity-store.ts';
import { openImageStore } from './apps/store/open-image-store.ts';
import { treesInUse } from './apps/store/trees-in-use.ts';
import { createArtifactSource } from './reconcile/artifact-source.ts';
import { openManifestSource } from './reconcile/manifest-source.ts';
import type { ArtifactSource, ManifestSource } from './reconcile/ports.ts';
import { SecretStore } from './outside/secret-store.ts';
import { Registries } from './registries.ts';

export type Sources = AsyncDisposable & {
  /** Undefined for a device that is not enrolled. */
  readonly cloud: ControlPlaneClient | undefined;
  readonly layout: OciLayout;
  /** Mirrors first; throws for a registry that cannot be reached from here. */
  readonly registry: (host: string | undefined) => readonly RegistryClient[];
  readonly manifests: ManifestSource;
  readonly artifacts: ArtifactSource;
};

/**
 * Where a device gets manifests and artifacts from: its own folders first, then the control plane it enrolled with. One that is not
 * enrolled has its folders, and registries that are named in full.
 */
export function openSources(
  root: string,
  identity: DeviceIdentity,
  logger: Logger,
): Promise<Sources & { readonly cloud: ControlPlaneClient }>;
export function openSources(root: string, identity: Identity, logger: Logger): Promise<Sources>;
export async function openSources(root: string, identity: Identity, logger: Logger): Promise<Sources> {
  const own = isEnrolled(identity) ? openOwn(identity) : undefined;
  const layout = await OciLayout.open(join(root, 'artifacts'), {
    onSetAside: (path) => logger.warn('artifacts.index.setAside', { path }),
  });
  const manifests = await openManifestSource({
    folder: join(root, 'manifests'),
    device: identity.device,
    download: async (digest, size, signal) => {
      if (own) return own.cloud.manifest(digest, size, { signal });
      throw notEnrolled(`The manifest ${digest} is with a control plane`);
    },
  });
  const registries = new Registries({
    own: own?.registry,
    secret: (name) => SecretStore.beside(root).get(name),
    logger,
  });
  const registry = (host: string | undefined) => registries.clients(host);
  const images = await openImageStore({ root, layout, registry, inUse: () => treesInUse(root), logger });
  const artifacts = createArtifactSource({ folder: root, layout, registry, images, logger });
  return {
    cloud: own?.cloud,
    layout,
    registry,
    manifests,
    artifacts: {
      ...artifacts,
      fetch: async (machine, signal) => {
        await registries.use(machine.registries);
        return artifacts.fetch(machine, signal);
      },
    },
    async [Symbol.asyncDispose]() {
      await own?.http[Symbol.asyncDispose]();
      await registries[Symbol.asyncDispose]();
    },
  };
}

function openOwn({ ca, certificate, key, url }: DeviceIdentity) {
  const http = createHttpsClient({ ca, identity: { certificate, key } });
  const cloud = new ControlPlaneClient({ url, http });
  return { http, cloud, registry: new RegistryClient({ http, registryUrl: url }) };
}

function notEnrolled(what: string): AgentError {
  return new AgentError('notEnrolled', `${what}, and this device is enrolled with none`, {
    hint: 'Enrol it (holdfast agent up --token TOKEN), or bring it back from a bundle that has everything.',
  });
}
