import { configMaxBytes } from '../../cloud-sync/oci/image/image-config.ts';
import {
  describeImage,
  type ImageDescription,
  type ImageReader,
} from '../../cloud-sync/oci/image/describe-image.ts';
import { manifestMaxBytes, parseReference, type RegistryClient } from '../../cloud-sync/oci/index.ts';
import { MemoryBlobWriter } from '../../cloud-sync/oci/memory-blob-writer.ts';
import type { Digest } from '../../lib/digest.ts';
import { patiently } from '../patience.ts';
import type { Run } from '../run.ts';
import { imageText } from './image-text.ts';
import { findLayoutImage } from './layout-argument.ts';
import { openRegistry } from './open-registry.ts';

/** `holdfast image inspect` */
export async function inspect(run: Run, name: string): Promise<void> {
  const { digest, images } = (await inLayout(name)) ?? (await inRegistry(run, name));
  run.out.result({ digest, images }, () => imageText(name, digest, images));
}

type Found = { readonly digest: Digest; readonly images: readonly ImageDescription[] };

async function inLayout(name: string): Promise<Found | undefined> {
  const found = await findLayoutImage(name);
  if (found === undefined) return undefined;
  const { layout, image } = found;
  const images = await describeImage(image.digest, {
    manifest: (digest) => layout.read(digest, manifestMaxBytes),
    config: ({ digest }) => layout.read(digest, configMaxBytes),
  });
  return { digest: image.digest, images };
}

async function inRegistry(run: Run, name: string): Promise<Found> {
  const { registry, repository, tag = 'latest', digest } = parseReference(name);
  await using opened = await openRegistry(run, registry);
  const { client } = opened;
  return await patiently(run, async () => {
    const { signal } = run;
    const named = digest ?? (await client.resolveTag(repository, tag, { signal })).digest;
    return { digest: named, images: await describeImage(named, registryReader(client, repository, signal)) };
  });
}

function registryReader(client: RegistryClient, repository: string, signal: AbortSignal): ImageReader {
  return {
    manifest: async (digest) => (await client.pullManifest(repository, digest, { signal })).bytes,
    config: async ({ digest, size }) => {
      await using writer = new MemoryBlobWriter({ maxBytes: configMaxBytes });
      await client.pullBlob({ repository, digest, size }, writer, { signal });
      return writer.bytes();
    },
  };
}
