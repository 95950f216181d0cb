import { missingBytes } from '../cloud-sync/oci/image/missing-bytes.ts';
import { hostPlatform } from '../cloud-sync/oci/image/platform.ts';
import {
  manifestMaxBytes,
  parseReference,
  type OciLayout,
  type RegistryClient,
} from '../cloud-sync/oci/index.ts';
import { RegistrySources } from '../cloud-sync/oci/registry-sources.ts';
import type { Digest } from '../lib/digest.ts';
import { references, type Machine } from '../manifests/index.ts';

export type DownloadSizesOptions = {
  readonly layout: OciLayout;
  /** Mirrors first. */
  readonly registry: (host: string | undefined) => readonly RegistryClient[];
  readonly signal: AbortSignal;
};

/**
 * Bytes to download for each image and bundle of the machine that is not on disk, as far as registries tell it now. One that cannot be
 * reached, or lacks it, leaves its size unknown.
 */
export async function downloadSizes(
  machine: Machine,
  options: DownloadSizesOptions,
): Promise<ReadonlyMap<Digest, number>> {
  const wanted = references(machine).flatMap(({ reference, digest }) =>
    digest === undefined ? [] : [[digest, reference] as const],
  );
  const sizes = new Map<Digest, number>();
  for (const [digest, reference] of new Map(wanted)) {
    if (options.signal.aborted || (await options.layout.has(digest))) continue;
    const bytes = await sizeOf(reference, digest, options).catch(() => undefined);
    if (bytes !== undefined) sizes.set(digest, bytes);
  }
  return sizes;
}

async function sizeOf(
  reference: string,
  digest: Digest,
  { layout, registry, signal }: DownloadSizesOptions,
): Promise<number> {
  const { registry: host, repository } = parseReference(reference);
  const sources = new RegistrySources({ clients: registry(host), signal });
  const has = (blob: Digest): Promise<boolean> => layout.has(blob);
  const read = async (document: Digest): Promise<Uint8Array> => {
    if (await has(document)) return layout.read(document, manifestMaxBytes);
    return (await sources.first((client) => client.pullManifest(repository, document, { signal }))).bytes;
  };
  return missingBytes({ ...{ repository, digest, read, has }, platform: hostPlatform() });
}
