import { findManifest } from '../../cloud-sync/oci/image/pull-manifest.ts';
import type { Platform } from '../../cloud-sync/oci/image/platform.ts';
import { manifestMaxBytes, parseImageManifest } from '../../cloud-sync/oci/index.ts';
import type { Digest } from '../../lib/digest.ts';
import { readCanonicalManifest, references, type Machine } from '../../manifests/index.ts';
import { pinnedReference } from '../pinned-reference.ts';
import { badBundle } from './bad-bundle.ts';
import type { BundleFile } from './bundle-file.ts';
import { bundleBounds, machineEntryName, machineManifestType } from './bundle-format.ts';

export type BundledMachine = {
  readonly machine: Machine;
  readonly digest: Digest;
  /** The canonical manifest. */
  readonly bytes: Uint8Array;
  /** All that the machine needs on this platform. */
  readonly blobs: readonly Digest[];
};

/** The machine of a bundle. Rejects with `badArchive` when there is none, or not all of it; `wrongPlatform` when it is for another. */
export async function readMachine(bundle: BundleFile, platform: Platform): Promise<BundledMachine> {
  const entry = bundle.entry(machineEntryName);
  if (!entry) throw badBundle(`it names no ${machineEntryName}`);
  const { layers } = parseImageManifest(await read(bundle, entry.digest, 'the machine'), machineEntryName);
  const layer = layers.find(({ mediaType }) => mediaType === machineManifestType);
  if (!layer) throw badBundle('its machine has no manifest');
  const { digest } = layer;
  const bytes = await read(bundle, digest, 'the machine', bundleBounds.manifestBytes);
  const { machine } = readCanonicalManifest(bytes, digest);
  const blobs = new Set<Digest>();
  for (const { component, reference } of references(machine)) {
    const image = pinnedReference(component, reference);
    for (const blob of await blobsOf(bundle, component, { ...image, platform })) blobs.add(blob);
  }
  return { machine, digest, bytes, blobs: [...blobs] };
}

async function blobsOf(
  bundle: BundleFile,
  component: string,
  image: { readonly repository: string; readonly digest: Digest; readonly platform: Platform },
): Promise<Digest[]> {
  const documents: Digest[] = [];
  const readDocument = (digest: Digest): Promise<Buffer> => {
    documents.push(digest);
    return read(bundle, digest, component);
  };
  const { config, layers } = component.startsWith('apps.')
    ? (await findManifest(image, readDocument)).manifest
    : parseImageManifest(await readDocument(image.digest), component);
  const blobs = [config, ...layers].map(({ digest }) => digest);
  const missing = blobs.find((digest) => !bundle.has(digest));
  if (missing !== undefined) throw incomplete(missing, component);
  return [...documents, ...blobs];
}

function read(
  bundle: BundleFile,
  digest: Digest,
  component: string,
  maxBytes = manifestMaxBytes,
): Promise<Buffer> {
  if (!bundle.has(digest)) throw incomplete(digest, component);
  return bundle.read(digest, maxBytes);
}

function incomplete(digest: Digest, component: string): Error {
  return badBundle(`it lacks the blob ${digest} of ${component}`);
}
