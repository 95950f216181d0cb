import { constants } from 'node:fs';
import { copyFile, link } from 'node:fs/promises';
import { join } from 'node:path';
import { findManifest } from '../../cloud-sync/oci/image/pull-manifest.ts';
import { platformText, type Platform } from '../../cloud-sync/oci/image/platform.ts';
import { pullImage } from '../../cloud-sync/oci/image/pull-image.ts';
import { readLocalImage } from '../../cloud-sync/oci/image/read-local-image.ts';
import {
  fetchArtifact,
  manifestMaxBytes,
  ociManifestType,
  parseImageManifest,
  type Descriptor,
  type OciLayout,
  type RegistryClient,
} from '../../cloud-sync/oci/index.ts';
import { digestOf, type Digest } from '../../lib/digest.ts';
import { errorCode } from '../../lib/error-code.ts';
import { canonicalize, references, type JsonObject, type Machine } from '../../manifests/index.ts';
import { pinnedReference, type PinnedReference } from '../pinned-reference.ts';
import {
  machineArtifactType,
  machineEntryName,
  machineManifestType,
  refNameAnnotation,
} from './bundle-format.ts';
import type { BundleContents } from './write-bundle-file.ts';

export type GatherRequest = {
  /** Every reference pinned. */
  readonly document: JsonObject;
  readonly machine: Machine;
  /** Where all is brought together, and goes on from when it was cut short. */
  readonly layout: OciLayout;
  /** The device's. */
  readonly platform: Platform;
  /** An OCI image layout on this machine that may have some of it. */
  readonly local?: string | undefined;
  /** Those to ask for what is nowhere here; undefined is the control plane's own. */
  readonly registry: (host: string | undefined) => Promise<readonly RegistryClient[]>;
  readonly onProgress: (component: string, bytesDone: number, bytesTotal: number) => void;
  readonly signal: AbortSignal;
};

const bundleLimits = { manifestBytes: manifestMaxBytes, totalBytes: 64 * 2 ** 20 };
const imageMaxBytes = 64 * 2 ** 30;

/**
 * Brings everything a machine names into one layout, verified: the images of one platform, the functions' bundles, and the manifest
 * itself. Rejects with AgentError 'notPinned', and as `pullImage` and `fetchArtifact` do.
 */
export async function gatherMachine(request: GatherRequest): Promise<BundleContents> {
  const { machine, document, layout } = request;
  const own = await writeMachine(layout, document);
  const entries: Descriptor[] = [own.entry];
  const blobs = new Set<Digest>(own.blobs);
  for (const { component, reference } of references(machine)) {
    const image = pinnedReference(component, reference);
    const found = await (component.startsWith('apps.')
      ? gatherImage(request, component, image)
      : gatherBundle(request, component, image));
    for (const blob of found) blobs.add(blob);
    entries.push(await entryOf(request, component, image.digest));
  }
  return { layout, entries, blobs };
}

async function gatherImage(
  request: GatherRequest,
  component: string,
  { registry, repository, digest }: PinnedReference,
): Promise<readonly Digest[]> {
  const { layout, platform, signal, onProgress } = request;
  const image = { repository, digest, platform };
  await seedImage(request, image);
  if (!(await isComplete(layout, () => readLocalImage(layout, image).then(({ blobs }) => blobs)))) {
    await pullImage({
      ...{ clients: await request.registry(registry), layout, ...image, maxBytes: imageMaxBytes, signal },
      onProgress: ({ bytesDone, bytesTotal }) => onProgress(component, bytesDone, bytesTotal),
    });
  }
  return (await readLocalImage(layout, image)).blobs;
}

async function gatherBundle(
  request: GatherRequest,
  component: string,
  { registry, repository, digest }: PinnedReference,
): Promise<readonly Digest[]> {
  const { layout, signal, onProgress } = request;
  const named = (): Promise<readonly Digest[]> => artifactBlobs(layout, digest, component);
  await seed(request, [digest]);
  await seed(request, await named().catch(() => []));
  if (!(await isComplete(layout, named))) {
    await fetchArtifact({
      ...{
        clients: await request.registry(registry),
        layout,
        repository,
        digest,
        limits: bundleLimits,
        signal,
      },
      onProgress: (done, total) => onProgress(component, done, total),
    });
  }
  return named();
}

/** The manifest, its config and its layers. */
async function artifactBlobs(layout: OciLayout, digest: Digest, name: string): Promise<readonly Digest[]> {
  const { config, layers } = parseImageManifest(await layout.read(digest, manifestMaxBytes), name);
  return [digest, config.digest, ...layers.map((layer) => layer.digest)];
}

/** Whether all of it is there, byte for byte. */
async function isComplete(layout: OciLayout, named: () => Promise<readonly Digest[]>): Promise<boolean> {
  const blobs = await named().catch(() => undefined);
  if (!blobs) return false;
  for (const blob of blobs) if (!(await layout.isWhole(blob))) return false;
  return true;
}

async function seedImage(
  request: GatherRequest,
  image: { readonly repository: string; readonly digest: Digest; readonly platform: Platform },
): Promise<void> {
  const { layout } = request;
  try {
    const { manifest } = await findManifest(image, async (digest) => {
      await seed(request, [digest]);
      return layout.read(digest, manifestMaxBytes);
    });
    await seed(request, [manifest.config.digest, ...manifest.layers.map(({ digest }) => digest)]);
  } catch {
    // What is not here, or not good, is fetched; why it cannot be is said then.
  }
}

/** Takes blobs over from the layout at hand, by another name for the same file where that can be. They are verified later. */
async function seed({ local, layout }: GatherRequest, digests: readonly Digest[]): Promise<void> {
  if (local === undefined) return;
  for (const digest of digests) {
    if (await layout.has(digest)) continue;
    const source = join(local, 'blobs', digest.replace(':', '/'));
    await linkOrCopy(source, layout.path(digest)).catch((error: unknown) => {
      if (errorCode(error) !== 'ENOENT') throw error;
    });
  }
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!['EXDEV', 'EPERM', 'EMLINK', 'EACCES'].includes(errorCode(error) ?? '')) throw error;
    await copyFile(from, to, constants.COPYFILE_EXCL);
  }
}

async function entryOf(
  { layout, platform }: GatherRequest,
  name: string,
  digest: Digest,
): Promise<Descriptor> {
  const bytes = await layout.read(digest, manifestMaxBytes);
  const { mediaType = ociManifestType } = JSON.parse(bytes.toString()) as { mediaType?: string };
  const annotations = { [refNameAnnotation]: name, 'dev.holdfast.platform': platformText(platform) };
  return { mediaType, digest, size: bytes.byteLength, annotations };
}

const emptyConfig = Buffer.from('{}');

/** The manifest of the machine as an artifact (image spec 1.1, "Guidelines for Artifact Usage"). */
async function writeMachine(layout: OciLayout, document: JsonObject) {
  const canonical = Buffer.from(canonicalize(document));
  const put = async (mediaType: string, bytes: Buffer): Promise<Descriptor> => {
    const digest = digestOf(bytes);
    await layout.writeBlob(digest, bytes);
    return { mediaType, digest, size: bytes.byteLength };
  };
  const config = await put('application/vnd.oci.empty.v1+json', emptyConfig);
  const layer = await put(machineManifestType, canonical);
  const manifest = {
    ...{ schemaVersion: 2, mediaType: ociManifestType, artifactType: machineArtifactType },
    ...{ config, layers: [layer] },
  };
  const entry = await put(ociManifestType, Buffer.from(JSON.stringify(manifest)));
  const annotations = { [refNameAnnotation]: machineEntryName };
  return {
    entry: { ...entry, artifactType: machineArtifactType, annotations },
    blobs: [entry.digest, config.digest, layer.digest],
  };
}
