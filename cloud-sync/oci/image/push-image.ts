import { open } from 'node:fs/promises';
import type { Digest } from '../../../lib/digest.ts';
import { SyncError } from '../../errors.ts';
import { forEachConcurrently } from '../for-each-concurrently.ts';
import { manifestMaxBytes, ociIndexType, ociManifestType, type Descriptor } from '../manifest.ts';
import type { OciLayout } from '../oci-layout.ts';
import type { RegistryClient } from '../registry-client.ts';
import { parseManifestDocument, type ManifestDocument } from './manifest-document.ts';

export type PushImageRequest = {
  readonly layout: OciLayout;
  readonly client: RegistryClient;
  readonly repository: string;
  readonly tag: string;
  /** Of a manifest, or of an index with all its manifests, in the layout. */
  readonly digest: Digest;
  /** Blobs at a time, default 2. */
  readonly concurrency?: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void;
};

export type PushedImage = {
  readonly digest: Digest;
  /** Bytes of all blobs, and of those that the registry lacked. */
  readonly bytesTotal: number;
  readonly bytesSent: number;
};

type StoredDocument = { readonly digest: Digest; readonly mediaType: string; readonly bytes: Buffer };
type Image = { readonly documents: readonly StoredDocument[]; readonly blobs: readonly Descriptor[] };

/** Indexes name manifests; deeper nesting is nobody's. */
const maxDepth = 3;

/**
 * Uploads what the registry lacks of an image: blobs, a piece in memory at a time, then manifests, then what the tag names. Resolves
 * when the registry has stored all. Errors: `notFound` and `corrupt` for what lacks or is damaged here, those of `RegistryClient`.
 */
export async function pushImage(request: PushImageRequest): Promise<PushedImage> {
  const { layout, client, repository, tag, digest, concurrency = 2, signal } = request;
  const { documents, blobs } = await collectImage(layout, digest);
  const bytesTotal = blobs.reduce((sum, { size }) => sum + size, 0);
  const done = new Map<Digest, number>();
  const advance = (blob: Digest, bytes: number) => {
    done.set(blob, bytes);
    request.onProgress?.(
      [...done.values()].reduce((sum, count) => sum + count, 0),
      bytesTotal,
    );
  };
  let bytesSent = 0;
  await forEachConcurrently(blobs, { limit: concurrency, signal }, async (blob, stop) => {
    const { existed } = await pushBlob(blob, request, {
      signal: stop,
      onProgress: (bytes) => advance(blob.digest, bytes),
    });
    if (!existed) bytesSent += blob.size;
    advance(blob.digest, blob.size);
  });
  // What names others last, so that nothing in the registry names what is not there.
  for (const { bytes, mediaType, digest: own } of documents.toReversed()) {
    const reference = own === digest ? tag : own;
    await client.pushManifest({ repository, reference, bytes, mediaType }, { signal });
  }
  return { digest, bytesTotal, bytesSent };
}

/** Every document, what names others before them, and every blob, each once. */
async function collectImage(layout: OciLayout, root: Digest): Promise<Image> {
  const documents = new Map<Digest, StoredDocument>();
  const blobs = new Map<Digest, Descriptor>();
  const add = async (digest: Digest, depth: number): Promise<void> => {
    if (documents.has(digest)) return;
    const bytes = await layout.read(digest, manifestMaxBytes);
    const document = parseManifestDocument(bytes, digest);
    documents.set(digest, { digest, bytes, mediaType: mediaTypeOf(document) });
    if (document.kind === 'index') {
      if (depth === maxDepth) throw tooDeep(root);
      for (const { digest: named } of document.index.manifests) await add(named, depth + 1);
    } else {
      const { config, layers } = document.manifest;
      for (const blob of [config, ...layers]) blobs.set(blob.digest, blob);
    }
  };
  await add(root, 0);
  return { documents: [...documents.values()], blobs: [...blobs.values()] };
}

function mediaTypeOf(document: ManifestDocument): string {
  return document.kind === 'index'
    ? (document.index.mediaType ?? ociIndexType)
    : (document.manifest.mediaType ?? ociManifestType);
}

type PushOptions = { readonly signal: AbortSignal; readonly onProgress: (bytes: number) => void };

async function pushBlob(
  { digest, size }: Descriptor,
  { layout, client, repository }: PushImageRequest,
  options: PushOptions,
): Promise<{ readonly existed: boolean }> {
  if ((await layout.size(digest)) !== size || !(await layout.isWhole(digest, options))) {
    throw new SyncError('corrupt', `The blob ${digest} is missing in the layout, or damaged`, {
      hint: 'Build or fetch the image again.',
    });
  }
  await using file = await open(layout.path(digest), 'r');
  const read = async (offset: number, length: number) => {
    const bytes = Buffer.allocUnsafe(Math.min(length, size - offset));
    const { bytesRead } = await file.read(bytes, 0, bytes.byteLength, offset);
    return bytes.subarray(0, bytesRead);
  };
  return await client.pushBlobFrom({ repository, digest, size, read }, options);
}

function tooDeep(digest: Digest): SyncError {
  return new SyncError('badImage', `${digest} names indexes more than ${maxDepth} deep`, {
    hint: 'Push the image of one platform.',
  });
}
