import { createCipheriv } from 'node:crypto';
import { ociConfigType } from '../../cloud-sync/oci/image/image-config.ts';
import { hostPlatform, type Platform } from '../../cloud-sync/oci/image/platform.ts';
import {
  chunkHash,
  chunkTableAnnotations,
  encodeChunkTable,
  type ChunkSizes,
} from '../../cloud-sync/oci/layer/chunk-table.ts';
import { ociManifestType, type Descriptor } from '../../cloud-sync/oci/index.ts';
import { digestOf, type Digest } from '../../lib/digest.ts';
import type { Contents } from './counting-registry.ts';

/** Bytes that look like noise, the same for the same seed. */
export function noise(bytes: number, seed: number): Buffer {
  const key = Buffer.alloc(16);
  key.writeUInt32LE(seed);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(bytes));
}

export type ChunkedLayer = {
  readonly blob: Buffer;
  readonly descriptor: Descriptor;
  readonly frameEnd: number;
};

/** A layer of these frames with its chunk table, as far as a pull looks at it: the frames hold no archive. */
export function chunkedLayer(
  frames: readonly Buffer[],
  { lie = (chunk) => chunk }: { readonly lie?: (chunk: ChunkSizes, at: number) => ChunkSizes } = {},
): ChunkedLayer {
  const table = encodeChunkTable(
    frames.map((frame, at) =>
      lie({ frameBytes: frame.byteLength, plainBytes: frame.byteLength, hash: chunkHash(frame) }, at),
    ),
  );
  const blob = Buffer.concat([...frames, table]);
  const frameEnd = blob.byteLength - table.byteLength;
  const annotations = chunkTableAnnotations({
    offset: frameEnd,
    size: table.byteLength,
    digest: digestOf(table),
  });
  const mediaType = 'application/vnd.oci.image.layer.v1.tar+zstd';
  const descriptor = { mediaType, digest: digestOf(blob), size: blob.byteLength, annotations };
  return { blob, descriptor, frameEnd };
}

/** Puts an image of these layers among the contents of a registry. The digest is its manifest's. */
export function serveImage(
  contents: Contents,
  layers: readonly ChunkedLayer[],
  platform: Platform = hostPlatform(),
): Digest {
  const rootfs = { type: 'layers', diff_ids: layers.map(({ descriptor }) => descriptor.digest) };
  const config = put(contents, { ...platform, config: {}, rootfs }, ociConfigType);
  for (const { blob, descriptor } of layers) contents.set(descriptor.digest, blob);
  const manifest = {
    schemaVersion: 2,
    mediaType: ociManifestType,
    config,
    layers: layers.map(({ descriptor }) => descriptor),
  };
  return put(contents, manifest, ociManifestType).digest;
}

function put(contents: Contents, value: unknown, mediaType: string): Descriptor {
  const bytes = Buffer.from(JSON.stringify(value));
  const digest = digestOf(bytes);
  contents.set(digest, bytes);
  return { mediaType, digest, size: bytes.byteLength };
}
