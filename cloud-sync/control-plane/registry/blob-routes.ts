import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Digest } from '../../../lib/digest.ts';
import { parseRange } from './byte-range.ts';
import { Refusal } from './refusal.ts';
import type { RegistryStore } from './registry-store.ts';

/** GET and HEAD of `/v2/{repository}/blobs/{digest}`, with ranges for clients that resume. */
export async function sendBlob(
  store: RegistryStore,
  digest: Digest,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
): Promise<FastifyReply> {
  const size = await store.blobSize(digest);
  if (size === undefined) throw new Refusal('BLOB_UNKNOWN', `There is no blob ${digest}`);
  void reply.headers({
    'content-type': 'application/octet-stream',
    'docker-content-digest': digest,
    'accept-ranges': 'bytes',
    etag: `"${digest}"`,
  });
  if (request.method === 'HEAD') return reply.header('content-length', size).send();
  const range = parseRange(request.headers.range, size);
  if (range === 'unsatisfiable') {
    void reply.header('content-range', `bytes */${size}`);
    throw new Refusal('SIZE_INVALID', `The blob has ${size} bytes`, { status: 416 });
  }
  if (range === undefined) return reply.header('content-length', size).send(store.readBlob(digest));
  const { start, end } = range;
  return reply
    .code(206)
    .headers({ 'content-length': end - start + 1, 'content-range': `bytes ${start}-${end}/${size}` })
    .send(store.readBlob(digest, range));
}
