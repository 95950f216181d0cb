import type { Digest } from '../../../lib/digest.ts';
import { manifestMaxBytes, type ImageManifest } from '../manifest.ts';
import type { OciLayout } from '../oci-layout.ts';
import { checkManifest, readConfig } from './check-image.ts';
import { configMaxBytes, type ImageConfig } from './image-config.ts';
import type { Platform } from './platform.ts';
import { findManifest } from './pull-manifest.ts';

export type LocalImage = {
  readonly manifest: ImageManifest;
  readonly config: ImageConfig;
  /** Every blob of it: indexes and manifest, config, layers. Of an index, only what this platform needs. */
  readonly blobs: readonly Digest[];
};

/**
 * What a layout says of an image; its layers are not looked at. Rejects with `notFound`, `corrupt`, `wrongPlatform` and `badImage`.
 * `repository` is for messages.
 */
export async function readLocalImage(
  layout: OciLayout,
  image: { readonly repository: string; readonly digest: Digest; readonly platform: Platform },
): Promise<LocalImage> {
  const documents: Digest[] = [];
  const { digest, manifest } = await findManifest(image, (document) => {
    documents.push(document);
    return layout.read(document, manifestMaxBytes);
  });
  const name = `${image.repository}@${digest}`;
  checkManifest(manifest, name, Number.MAX_SAFE_INTEGER);
  const bytes = await layout.read(manifest.config.digest, configMaxBytes);
  const config = readConfig(bytes, { manifest, name, platform: image.platform });
  const layers = manifest.layers.map((layer) => layer.digest);
  return { manifest, config, blobs: [...documents, manifest.config.digest, ...layers] };
}
