import { gzipSync, zstdCompressSync } from 'node:zlib';
import { ociConfigType } from '../../cloud-sync/oci/image/image-config.ts';
import { hostPlatform, type Platform } from '../../cloud-sync/oci/image/platform.ts';
import { ociManifestType, type Descriptor, type OciLayout } from '../../cloud-sync/oci/index.ts';
import { digestOf, type Digest } from '../../lib/digest.ts';
import { tarOf, type TarMember } from './tar.ts';

const layerType = 'application/vnd.oci.image.layer.v1.tar';

const packers = {
  none: { suffix: '', pack: (bytes: Buffer) => bytes },
  gzip: { suffix: '+gzip', pack: (bytes: Buffer) => gzipSync(bytes, { level: 1 }) },
  zstd: { suffix: '+zstd', pack: (bytes: Buffer) => zstdCompressSync(bytes) },
} as const;

export type HandMadeLayer = {
  readonly blob: Buffer;
  readonly mediaType: string;
  readonly diffId: Digest;
};

/** A layer of these members, or of the bytes of an archive. */
export function layerOf(
  members: readonly TarMember[] | Buffer,
  compression: keyof typeof packers = 'gzip',
): HandMadeLayer {
  const tar = Buffer.isBuffer(members) ? members : tarOf(members);
  const { suffix, pack } = packers[compression];
  return { blob: pack(tar), mediaType: layerType + suffix, diffId: digestOf(tar) };
}

/** Writes an image of these layers, the lowest first, and tags it. Resolves with the digest of its manifest. */
export async function writeImage(
  layout: OciLayout,
  layers: readonly HandMadeLayer[],
  { tag = 'made', platform = hostPlatform() }: { readonly tag?: string; readonly platform?: Platform } = {},
): Promise<Digest> {
  const rootfs = { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) };
  const config = await put(layout, { ...platform, config: { Cmd: ['/bin/sh'] }, rootfs }, ociConfigType);
  const descriptors: Descriptor[] = [];
  for (const { blob, mediaType } of layers) {
    await layout.writeBlob(digestOf(blob), blob);
    descriptors.push({ mediaType, digest: digestOf(blob), size: blob.length });
  }
  const manifest = { schemaVersion: 2, mediaType: ociManifestType, config, layers: descriptors };
  const descriptor = await put(layout, manifest, ociManifestType);
  await layout.tag(tag, descriptor);
  return descriptor.digest;
}

async function put(layout: OciLayout, value: unknown, mediaType: string): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify(value));
  const digest = digestOf(bytes);
  await layout.writeBlob(digest, bytes);
  return { mediaType, digest, size: bytes.length };
}
