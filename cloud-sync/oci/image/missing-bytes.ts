import type { Digest } from '../../../lib/digest.ts';
import type { Platform } from './platform.ts';
import { findManifest } from './pull-manifest.ts';

export type MissingBytesRequest = {
  readonly repository: string;
  /** Of a manifest, or of an index of which the platform's manifest counts. */
  readonly digest: Digest;
  readonly platform: Platform;
  /** The bytes of a manifest or an index, verified. */
  readonly read: (digest: Digest) => Promise<Uint8Array>;
  readonly has: (digest: Digest) => Promise<boolean>;
};

/**
 * Bytes of an image's blobs that are not here, of each blob once. It is the most that a pull brings: of layers with a chunk table it may
 * need less. Rejects with `badImage`, `wrongPlatform` and what `read` rejects with.
 */
export async function missingBytes({ read, has, ...image }: MissingBytesRequest): Promise<number> {
  const { manifest } = await findManifest(image, read);
  const sizes = new Map([manifest.config, ...manifest.layers].map(({ digest, size }) => [digest, size]));
  let bytes = 0;
  for (const [digest, size] of sizes) if (!(await has(digest))) bytes += size;
  return bytes;
}
