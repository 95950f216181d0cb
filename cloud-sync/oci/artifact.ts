import { digestOf, type Digest } from '../../lib/digest.ts';
import { SyncError } from '../errors.ts';
import { diskFull } from './disk-errors.ts';
import { forEachConcurrently } from './for-each-concurrently.ts';
import { ociManifestType, parseImageManifest, type Descriptor, type ImageManifest } from './manifest.ts';
import type { OciLayout } from './oci-layout.ts';
import { pullWholeBlob } from './pull-whole-blob.ts';
import type { RegistryClient, ResolvedManifest } from './registry-client.ts';
import { RegistrySources, type SourceProblem } from './registry-sources.ts';

type ArtifactLimits = { readonly manifestBytes: number; readonly totalBytes: number };
type BytesProgress = (bytesDone: number, bytesTotal: number) => void;

export type FetchRequest = {
  /** Mirrors first, the registry of the reference last. */
  readonly clients: readonly RegistryClient[];
  readonly layout: OciLayout;
  readonly repository: string;
  readonly digest: Digest;
  readonly limits: ArtifactLimits;
  /** Downloads at a time, default 3. */
  readonly concurrency?: number;
  readonly signal: AbortSignal;
  readonly onProgress?: BytesProgress;
  readonly onProblem?: SourceProblem;
};

export type FetchedArtifact = { readonly manifest: ImageManifest; readonly bytes: Uint8Array };

/**
 * Brings an image or artifact into the layout, manifest and every blob, verified; what is there and good is not fetched
 * again. Resolves when all of it is on disk. [G1, G8] An abort or failure keeps whole blobs and resumable parts.
 * Errors: those of `RegistryClient`, and `tooLarge`, `diskFull` before anything large is fetched.
 */
export async function fetchArtifact(request: FetchRequest): Promise<FetchedArtifact> {
  const { layout, repository, digest, limits, signal, onProgress } = request;
  const sources = new RegistrySources(request);
  const bytes = await fetchManifest(request, sources);
  const name = `${repository}@${digest}`;
  const manifest = parseImageManifest(bytes, name);

  const blobs = distinctBlobs(manifest);
  const total = blobs.reduce((sum, { size }) => sum + size, 0);
  if (total > limits.totalBytes) {
    throw new SyncError('tooLarge', `${name} has ${total} bytes, more than the ${limits.totalBytes} allowed`);
  }
  const missing = await missingBlobs(layout, blobs, signal);
  const wanted = missing.reduce((sum, { size }) => sum + size, 0);
  const free = await layout.freeBytes();
  if (wanted > free) throw diskFull(`${name} needs ${wanted} bytes more on disk, of which ${free} are free`);

  const progress = new Map<Digest, number>();
  const report = () => onProgress?.(total - wanted + sum(progress.values()), total);
  report();
  await forEachConcurrently(missing, { limit: request.concurrency ?? 3, signal }, async (blob, stop) => {
    await using writer = await layout.createBlobWriter(blob);
    await pullWholeBlob({ repository, ...blob }, writer, {
      sources,
      signal: stop,
      onProgress: (held) => {
        progress.set(blob.digest, held);
        report();
      },
    });
  });
  return { manifest, bytes };
}

type PushedBlob = { readonly digest: Digest; readonly bytes: Uint8Array };

export type PushRequest = {
  readonly client: RegistryClient;
  readonly repository: string;
  readonly tag: string;
  /** The manifest as it is stored: its bytes make the digest. */
  readonly manifest: Uint8Array;
  readonly blobs: readonly PushedBlob[];
  readonly signal: AbortSignal;
  readonly onProgress?: BytesProgress;
};

/** Uploads the blobs the registry lacks, then the manifest under the tag. Resolves when the registry has stored all. */
export async function pushArtifact(request: PushRequest): Promise<ResolvedManifest> {
  const { client, repository, tag, manifest, blobs, signal, onProgress } = request;
  const mediaType = parseImageManifest(manifest, `${repository}:${tag}`).mediaType ?? ociManifestType;
  const total = manifest.byteLength + sum(blobs.map(({ bytes }) => bytes.byteLength));
  let done = 0;
  const advance = (bytes: number) => onProgress?.((done += bytes), total);
  advance(0);
  for (const { digest, bytes } of blobs) {
    if (digestOf(bytes) !== digest)
      throw new SyncError('digestMismatch', `The bytes to push are not ${digest}`);
    await client.pushBlob({ repository, digest, bytes }, { signal });
    advance(bytes.byteLength);
  }
  const pushed = await client.pushManifest(
    { repository, reference: tag, bytes: manifest, mediaType },
    { signal },
  );
  advance(manifest.byteLength);
  return pushed;
}

async function fetchManifest(
  { layout, repository, digest, limits, signal }: FetchRequest,
  sources: RegistrySources,
): Promise<Uint8Array> {
  if (await layout.isWhole(digest, { signal })) return layout.read(digest, limits.manifestBytes);
  const { bytes } = await sources.first((client) =>
    client.pullManifest(repository, digest, { signal, maxBytes: limits.manifestBytes }),
  );
  await layout.writeBlob(digest, bytes);
  return bytes;
}

type Blob = Pick<Descriptor, 'digest' | 'size'>;

function distinctBlobs(manifest: ImageManifest): Blob[] {
  const blobs = new Map<Digest, Blob>();
  for (const { digest, size } of [manifest.config, ...manifest.layers]) blobs.set(digest, { digest, size });
  return [...blobs.values()];
}

/** Those that are absent, of another size, or damaged. */
async function missingBlobs(layout: OciLayout, blobs: readonly Blob[], signal: AbortSignal): Promise<Blob[]> {
  const missing: Blob[] = [];
  for (const blob of blobs) {
    const good =
      (await layout.size(blob.digest)) === blob.size && (await layout.isWhole(blob.digest, { signal }));
    if (!good) missing.push(blob);
  }
  return missing;
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
