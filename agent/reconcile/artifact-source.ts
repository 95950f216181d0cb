import { statfs } from 'node:fs/promises';
import {
  fetchArtifact,
  parseReference,
  type OciLayout,
  type RegistryClient,
} from '../../cloud-sync/oci/index.ts';
import { readBundle, type FunctionBundle } from '../../functions/index.ts';
import type { Digest } from '../../lib/digest.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Machine } from '../../manifests/index.ts';
import { AgentError } from '../errors.ts';
import type { ArtifactSource } from './ports.ts';

export type ArtifactSourceOptions = {
  readonly folder: string;
  readonly layout: OciLayout;
  /** Mirrors of the registry that a reference names, then itself; undefined is the control plane's own. */
  readonly registry: (host: string | undefined) => readonly RegistryClient[];
  readonly logger: Logger;
};

const limits = { manifestBytes: 4 * 2 ** 20, totalBytes: 64 * 2 ** 20 };
/** Space that a fetch must leave free. */
const reserveBytes = 32 * 2 ** 20;

/** Function bundles by digest, in an OCI image layout on disk. */
export function createArtifactSource({
  folder,
  layout,
  registry,
  logger,
}: ArtifactSourceOptions): ArtifactSource {
  const fetchBundle = async (
    name: string,
    reference: string,
    signal: AbortSignal,
  ): Promise<FunctionBundle> => {
    const { registry: host, repository, digest } = pinned(name, reference);
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
      return { bundles, images: new Map() };
    },
    async load(machine) {
      const bundles = new Map<string, FunctionBundle>();
      for (const [name, { bundle }] of Object.entries(machine.functions))
        bundles.set(name, await readLocal(layout, pinned(name, bundle).digest));
      return { bundles, images: new Map() };
    },
    async collect(machines) {
      const kept = await blobsOf(layout, machines);
      for (const digest of await layout.digests()) {
        if (!kept.has(digest)) await layout.remove(digest);
      }
    },
    async sizeOf(machines) {
      let bytes = 0;
      for (const digest of await blobsOf(layout, machines)) bytes += (await layout.size(digest)) ?? 0;
      return bytes;
    },
  };
}

/** All that these machines need of the layout. What is not there needs nothing. */
async function blobsOf(layout: OciLayout, machines: readonly Machine[]): Promise<Set<Digest>> {
  const needed = new Set<Digest>();
  for (const digest of machines.flatMap(bundleDigests)) {
    if (!(await layout.has(digest))) continue;
    for (const named of await closure(layout, digest)) needed.add(named);
  }
  return needed;
}

function bundleDigests(machine: Machine): Digest[] {
  return Object.entries(machine.functions).map(([name, { bundle }]) => pinned(name, bundle).digest);
}

function pinned(
  name: string,
  reference: string,
): { registry: string | undefined; repository: string; digest: Digest } {
  const { registry, repository, digest } = parseReference(reference);
  if (digest === undefined)
    throw new AgentError('notPinned', `functions.${name}.bundle is ${reference}, which names no digest`);
  return { registry, repository, digest };
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
