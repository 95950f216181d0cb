import { SyncError } from '../../errors.ts';
import { layerCompression } from '../layer/layer-types.ts';
import type { ImageManifest } from '../manifest.ts';
import { requirePlatform } from './choose-manifest.ts';
import { configMaxBytes, imageConfigSchema, ociConfigType, type ImageConfig } from './image-config.ts';
import type { Platform } from './platform.ts';
import { badImage } from './bad-image.ts';

const configTypes: readonly string[] = [ociConfigType, 'application/vnd.docker.container.image.v1+json'];

/** Docker takes 127. Each has a tree of its own, with all folders of those below it: many small ones would fill a disk. */
const maxLayers = 256;

/** Before anything large is fetched: throws `badImage` or `tooLarge` for what could not be run in the end. */
export function checkManifest(manifest: ImageManifest, name: string, maxBytes: number): void {
  const { config, layers } = manifest;
  if (!configTypes.includes(config.mediaType)) {
    throw badImage(name, `is no container image: its config is ${config.mediaType}`);
  }
  if (config.size > configMaxBytes) {
    throw badImage(name, `has a config of ${config.size} bytes, more than ${configMaxBytes}`);
  }
  if (layers.length > maxLayers) {
    throw badImage(name, `has ${layers.length} layers, more than ${maxLayers}`);
  }
  for (const [at, { mediaType }] of layers.entries()) {
    if (layerCompression(mediaType) === undefined) {
      throw badImage(name, `has a layer (${at + 1}) that is no tar, tar+gzip or tar+zstd: ${mediaType}`);
    }
  }
  const sizes = new Map([config, ...layers].map(({ digest, size }) => [digest, size]));
  const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  if (bytes > maxBytes) {
    throw new SyncError('tooLarge', `${name} has ${bytes} bytes, more than the ${maxBytes} allowed`);
  }
}

/** Throws `badImage` or `wrongPlatform`. */
export function readConfig(
  bytes: Uint8Array,
  { manifest, name, platform }: { manifest: ImageManifest; name: string; platform: Platform },
): ImageConfig {
  const config = parseConfig(bytes, name);
  requirePlatform(config, platform, name);
  const [layers, diffIds] = [manifest.layers.length, config.rootfs.diff_ids.length];
  if (layers !== diffIds) throw badImage(name, `has ${layers} layers, and a config for ${diffIds}`);
  return config;
}

export function parseConfig(bytes: Uint8Array, name: string): ImageConfig {
  try {
    return imageConfigSchema.parse(JSON.parse(Buffer.from(bytes).toString()));
  } catch (cause) {
    throw badImage(name, 'has a config that is none', cause);
  }
}
