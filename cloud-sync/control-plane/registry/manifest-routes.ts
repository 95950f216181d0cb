import type { FastifyReply, FastifyRequest } from 'fastify';
import { digestOf, isDigest } from '../../../lib/digest.ts';
import {
  imageIndexSchema,
  imageManifestSchema,
  manifestMaxBytes,
  manifestTypes,
  type Descriptor,
} from '../../oci/index.ts';
import { Refusal } from './refusal.ts';
import type { RegistryStore } from './registry-store.ts';

type Exchange = { readonly request: FastifyRequest; readonly reply: FastifyReply };
type Place = { readonly repository: string; readonly reference: string };

export async function sendManifest(store: RegistryStore, place: Place, { request, reply }: Exchange) {
  const manifest = await store.manifest(place.repository, place.reference);
  if (manifest === undefined) {
    throw new Refusal('MANIFEST_UNKNOWN', `There is no ${place.reference} in ${place.repository}`);
  }
  void reply.headers({
    'content-type': manifest.mediaType,
    'content-length': manifest.bytes.byteLength,
    'docker-content-digest': manifest.digest,
  });
  return request.method === 'HEAD' ? reply.send() : reply.send(Buffer.from(manifest.bytes));
}

/** Answers 201 when the manifest, and the tag that names it, are on disk. [G1] */
export async function receiveManifest(
  store: RegistryStore,
  { repository, reference }: Place,
  { request, reply }: Exchange,
) {
  const bytes = await collect(request.body as AsyncIterable<Buffer> | undefined);
  const digest = digestOf(bytes);
  if (isDigest(reference) && reference !== digest) {
    throw new Refusal('DIGEST_INVALID', `The manifest's digest is ${digest}, not ${reference}`);
  }
  const mediaType = (request.headers['content-type'] ?? '').split(';')[0]?.trim() ?? '';
  await checkParts(store, { repository, mediaType, bytes });
  await store.putManifest(
    repository,
    { digest, mediaType, bytes },
    isDigest(reference) ? undefined : reference,
  );
  return reply
    .code(201)
    .headers({ location: `/v2/${repository}/manifests/${digest}`, 'docker-content-digest': digest })
    .send();
}

type Incoming = { readonly repository: string; readonly mediaType: string; readonly bytes: Buffer };

/** Refuses a manifest that names what is not here, so that a pull never fails half-way. */
async function checkParts(store: RegistryStore, { repository, mediaType, bytes }: Incoming): Promise<void> {
  if (!manifestTypes.includes(mediaType)) {
    throw new Refusal(
      'MANIFEST_INVALID',
      `${mediaType || 'No type'} is not a manifest type this registry takes`,
    );
  }
  const value = parseJson(bytes);
  const image = imageManifestSchema.safeParse(value);
  const index = image.success ? undefined : imageIndexSchema.safeParse(value);
  const manifest = image.data ?? index?.data;
  if (manifest === undefined)
    throw new Refusal('MANIFEST_INVALID', 'The manifest is not of the form OCI defines');
  if (manifest.mediaType !== undefined && manifest.mediaType !== mediaType) {
    throw new Refusal(
      'MANIFEST_INVALID',
      `The manifest calls itself ${manifest.mediaType}, its header ${mediaType}`,
    );
  }
  if (image.data) await checkBlobs(store, [image.data.config, ...image.data.layers]);
  for (const child of index?.data?.manifests ?? []) {
    if ((await store.manifest(repository, child.digest)) === undefined) throw unknownPart(child);
  }
}

async function checkBlobs(store: RegistryStore, parts: readonly Descriptor[]): Promise<void> {
  for (const part of parts) {
    const size = await store.blobSize(part.digest);
    // Parts that live elsewhere by their own word (`urls`) need not be here.
    if (size === undefined && part.urls === undefined) throw unknownPart(part);
    if (size !== undefined && size !== part.size) {
      throw new Refusal('MANIFEST_INVALID', `${part.digest} has ${size} bytes, not ${part.size}`);
    }
  }
}

function unknownPart({ digest }: Descriptor): Refusal {
  return new Refusal('MANIFEST_BLOB_UNKNOWN', `The manifest names ${digest}, which was not pushed`);
}

async function collect(body: AsyncIterable<Buffer> | undefined): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.byteLength;
    if (size > manifestMaxBytes) {
      throw new Refusal('SIZE_INVALID', `A manifest has at most ${manifestMaxBytes} bytes`, { status: 413 });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    throw new Refusal('MANIFEST_INVALID', 'The manifest is not JSON');
  }
}
