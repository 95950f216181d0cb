import type { Digest } from '../../../lib/digest.ts';
import { SyncError } from '../../errors.ts';
import { chunkTablePlace } from '../layer/chunk-table.ts';
import type { Descriptor, ImageManifest } from '../manifest.ts';
import { parseConfig } from './check-image.ts';
import { isAttestation } from './choose-manifest.ts';
import type { ImageConfig } from './image-config.ts';
import { parseManifestDocument } from './manifest-document.ts';
import { platformText } from './platform.ts';

/** Where an image is: a layout or a registry. What it gives is verified and bounded. */
export type ImageReader = {
  readonly manifest: (digest: Digest) => Promise<Uint8Array>;
  readonly config: (blob: Descriptor) => Promise<Uint8Array>;
};

type LayerDescription = {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly size: number;
  /** Whether an update of it fetches only the chunks that lack. */
  readonly chunked: boolean;
};

export type ImageDescription = {
  /** `linux/arm64/v8` */
  readonly platform: string;
  /** Of the manifest. */
  readonly digest: Digest;
  /** Of config and layers. */
  readonly size: number;
  readonly created: string | undefined;
  readonly layers: readonly LayerDescription[];
  readonly config: NonNullable<ImageConfig['config']>;
};

/** Manifests and indexes below one digest that are looked at. */
const maxDocuments = 100;

/** Every image that `digest` names: itself, or those of an index but for attestations. Rejects with `badImage`, `tooLarge`, those of `reader`. */
export async function describeImage(digest: Digest, reader: ImageReader): Promise<ImageDescription[]> {
  const found: ImageDescription[] = [];
  const waiting = [digest];
  let seen = 0;
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    seen += 1;
    if (seen > maxDocuments) throw tooMany(digest);
    const document = parseManifestDocument(await reader.manifest(next), next);
    if (document.kind === 'image') found.push(await describeManifest(next, document.manifest, reader));
    else
      waiting.push(
        ...document.index.manifests.filter((entry) => !isAttestation(entry)).map((entry) => entry.digest),
      );
  }
  return found;
}

async function describeManifest(
  digest: Digest,
  manifest: ImageManifest,
  reader: ImageReader,
): Promise<ImageDescription> {
  const { created, config, ...platform } = parseConfig(await reader.config(manifest.config), digest);
  return {
    platform: platformText(platform),
    digest,
    size: manifest.layers.reduce((sum, { size }) => sum + size, manifest.config.size),
    created,
    layers: manifest.layers.map((layer) => ({
      digest: layer.digest,
      mediaType: layer.mediaType,
      size: layer.size,
      chunked: chunkTablePlace(layer) !== undefined,
    })),
    config: config ?? {},
  };
}

function tooMany(digest: Digest): SyncError {
  return new SyncError('tooLarge', `${digest} names more than ${maxDocuments} manifests`, {
    hint: 'Name one of them by its own digest.',
  });
}
