const oci = 'application/vnd.oci.image.layer.v1.tar';
const docker = 'application/vnd.docker.image.rootfs.diff.tar';

export type LayerCompression = 'none' | 'gzip' | 'zstd';

const compressions: ReadonlyMap<string, LayerCompression> = new Map([
  [oci, 'none'],
  [`${oci}+gzip`, 'gzip'],
  [`${oci}+zstd`, 'zstd'],
  [docker, 'none'],
  [`${docker}.gzip`, 'gzip'],
  [`${docker}.zstd`, 'zstd'],
]);

/** How a layer of this media type is packed; undefined for what is no layer that a registry hands out. */
export function layerCompression(mediaType: string): LayerCompression | undefined {
  return compressions.get(mediaType);
}

/** As we write it. */
export function layerMediaType(compression: 'gzip' | 'zstd'): string {
  return `${oci}+${compression}`;
}
