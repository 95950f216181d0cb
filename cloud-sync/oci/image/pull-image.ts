import type { Digest } from '../../../lib/digest.ts';
import { diskFull } from '../disk-errors.ts';
import { forEachConcurrently } from '../for-each-concurrently.ts';
import { chunkTablePlace } from '../layer/chunk-table.ts';
import type { Descriptor, ImageManifest } from '../manifest.ts';
import { RegistrySources } from '../registry-sources.ts';
import { checkManifest, readConfig } from './check-image.ts';
import { ChunkIndex } from './chunk-index.ts';
import { configMaxBytes } from './image-config.ts';
import type { LayerPull } from './layer-pull.ts';
import { pullLayer } from './pull-layer.ts';
import { pullManifest } from './pull-manifest.ts';
import { PullMeter } from './pull-meter.ts';
import type { PulledImage, PullRequest } from './pull-request.ts';
import { Slots } from './slots.ts';

/**
 * Brings an image into the layout, every blob of it, verified; what is there and good is not fetched again. Resolves when
 * all of it is on disk. [G1, G8] An abort or a failure keeps whole blobs and resumable parts. Rejects with `wrongPlatform`,
 * `badImage`, `tooLarge`, `diskFull` before anything large is fetched, and with the failures of `RegistryClient`.
 */
export async function pullImage(request: PullRequest): Promise<PulledImage> {
  const { layout, repository, platform, signal, concurrency = 4 } = request;
  const meter = new PullMeter(request.onProgress);
  const sources = new RegistrySources(request);
  const onReceived = (bytes: number) => meter.received(bytes);
  const found = await pullManifest({ ...request, sources, onReceived });
  const { digest: manifestDigest, manifest } = found;
  const name = `${repository}@${manifestDigest}`;
  checkManifest(manifest, name, request.maxBytes);

  const missing = await missingBlobs(request, manifest, meter);
  await requireSpace(request, missing);
  await using index = missing.some(chunkTablePlace) ? await ChunkIndex.open(layout) : undefined;
  const pull: LayerPull = {
    ...{ sources, layout, repository, signal, meter, index },
    ...{ slots: new Slots(concurrency), partsAhead: concurrency },
  };
  const isConfig = ({ digest }: Descriptor) => digest === manifest.config.digest;
  for (const config of missing.filter(isConfig)) await pullLayer(config, pull);
  const config = readConfig(await layout.read(manifest.config.digest, configMaxBytes), {
    manifest,
    name,
    platform,
  });
  const layers = missing.filter((blob) => !isConfig(blob));
  await forEachConcurrently(layers, { limit: concurrency, signal }, (layer, stop) =>
    pullLayer(layer, { ...pull, signal: stop }),
  );
  return { digest: request.digest, manifestDigest, manifest, config, bytesFetched: meter.bytesFetched };
}

/** Distinct blobs that are absent, of another size, or damaged. */
async function missingBlobs(
  { layout, signal }: PullRequest,
  manifest: ImageManifest,
  meter: PullMeter,
): Promise<Descriptor[]> {
  const blobs = new Map<Digest, Descriptor>();
  for (const blob of [manifest.config, ...manifest.layers]) blobs.set(blob.digest, blob);
  const missing: Descriptor[] = [];
  for (const blob of blobs.values()) {
    meter.expect(blob.size);
    const good =
      (await layout.size(blob.digest)) === blob.size && (await layout.isWhole(blob.digest, { signal }));
    if (good) meter.held(blob.digest, blob.size);
    else missing.push(blob);
  }
  return missing;
}

/** Rejects with `diskFull` when what lacks cannot be there at once. */
async function requireSpace({ layout, repository, digest }: PullRequest, missing: readonly Descriptor[]) {
  let wanted = 0;
  for (const blob of missing) wanted += Math.max(0, blob.size - (await layout.heldBytes(blob.digest)));
  const free = await layout.freeBytes();
  if (wanted > free) {
    throw diskFull(
      `The image ${repository}@${digest} needs ${wanted} bytes more on disk, of which ${free} are free`,
    );
  }
}
