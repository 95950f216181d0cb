import { statfs } from 'node:fs/promises';
import { fetchArtifact, type OciLayout, type RegistryClient } from '../../cloud-sync/oci/index.ts';
import { readBundle, type FunctionBundle } from '../../functions/index.ts';
import type { Digest } from '../../lib/digest.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Machine } from '../../manifests/index.ts';
import type { ImageStore } from '../apps/ports.ts';
import { AgentError } from '../errors.ts';
import { pinnedReference } from '../pinned-reference.ts';
import type { ArtifactSource } from './ports.ts';

export type ArtifactSourceOptions = {
  readonly folder: string;
  readonly layout: OciLayout;
  /** Mirrors of the registry that a reference names, then itself; undefined is the control plane's own. */
  readonly registry: (host: string | undefined) => readonly RegistryClient[];
  readonly images: ImageStore;
  readonly logger: Logger;
};

const limits = { manifestBytes: 4 * 2 ** 20, totalBytes: 64 * 2 ** 20 };
/** Space that a fetch must leave free. */
const reserveBytes = 32 * 2 ** 20;

/** Function bundles by digest, in an OCI image layout on disk, and images with their trees. */
export function createArtifactSource({
  folder,
  layout,
  registry,
  images,
  logger,
}: ArtifactSourceOptions): ArtifactSource {
  const fetchBundle = async (
    name: string,
    reference: string,
    signal: AbortSignal,
  ): Promise<FunctionBundle> => {
    const { registry: host, repository, digest } = pinnedReference(`functions.${name}.bundle`, reference);
    const present = await readLocal(layout, digest).catch(() => undefined);
    if (present) return present;
    await requireSpace(folder);
    logger.info('artifact.fetching', { component: `functions.${name}`, digest });
    await fetchArtifact({
      clients: registry(host),
      layout,
      repository,
      digest,
      limits,
      concurrency: 4,
      signal,
      onProblem: (problem) => logger.warn('registry.failed', { component: `functions.${name}`, ...problem }),
    });
    return readLocal(layout, digest);
  };

  return {
    async fetch(machine, signal) {
      const bundles = new Map<string, FunctionBundle>();
      for (const [name, { bundle }] of Object.entries(machine.functions))
        bundles.set(name, await fetchBundle(name, bundle, signal));
      return { bundles, images: await images.fetch(machine.apps, signal) };
    },
    async load(machine) {
      const bundles = new Map<string, FunctionBundle>();
      for (const [name, { bundle }] of Object.entries(machine.functions))
        bundles.set(name, await readLocal(layout, bundleDigest(name, bundle)));
      return { bundles, images: await images.load(machine.apps) };
    },
    async collect(machines) {
      const imageDigests = machines.flatMap(digestsOfImages);
      const kept = new Set([...(await blobsOf(layout, machines)), ...(await images.blobs(imageDigests))]);
      await images.collect(imageDigests);
      for (const digest of await layout.digests()) {
        if (!kept.has(digest)) await layout.remove(digest);
      }
    },
    async sizeOf(machines) {
      let bytes = await images.bytesOf(machines.flatMap(digestsOfImages));
      for (const digest of await blobsOf(layout, machines)) bytes += (await layout.size(digest)) ?? 0;
      return bytes;
    },
  };
}

/** All that the functions of these machines need of the layout. What is not there needs nothing. */
async function blobsOf(layout: OciLayout, machines: readonly Machine[]): Promise<Set<Digest>> {
  const needed = new Set<Digest>();
  for (const digest of machines.flatMap(bundleDigests)) {
    if (!(await layout.has(digest))) continue;
    for (const named of await closure(layout, digest)) needed.add(named);
  }
  return needed;
}

function bundleDigests(machine: Machine): Digest[] {
  return Object.entries(machine.functions).map(([name, { bundle }]) => bundleDigest(name, bundle));
}

function bundleDigest(name: string, reference: string): Digest {
  return pinnedReference(`functions.${name}.bundle`, reference).digest;
}

function digestsOfImages(machine: Machine): Digest[] {
  return Object.entries(machine.apps).map(
    ([name, { image }]) => pinnedReference(`apps.${name}.image`, image).digest,
  );
}

function readLocal(layout: OciLayout, digest: Digest): Promise<FunctionBundle> {
  const readBlob = (blob: Digest, maxBytes: number): Promise<Uint8Array> => layout.read(blob, maxBytes);
  return layout
    .read(digest, limits.manifestBytes)
    .then((manifest) => readBundle({ manifest, digest, readBlob }));
}

async function closure(layout: OciLayout, digest: Digest): Promise<Digest[]> {
  const manifest = JSON.parse(
    Buffer.from(await layout.read(digest, limits.manifestBytes)).toString('utf8'),
  ) as {
    config: { digest: Digest };
    layers: { digest: Digest }[];
  };
  return [digest, manifest.config.digest, ...manifest.layers.map((layer) => layer.digest)];
}

async function requireSpace(folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const freeBytes = bavail * bsize;
  if (freeBytes < reserveBytes) {
    throw new AgentError('diskFull', `Only ${Math.floor(freeBytes / 2 ** 20)} MiB are free in ${folder}`, {
      transient: true,
      hint: `Free at least ${reserveBytes / 2 ** 20} MiB; the agent goes on by itself.`,
    });
  }
}
