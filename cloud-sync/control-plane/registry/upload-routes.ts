import type { FastifyReply, FastifyRequest } from 'fastify';
import { isDigest, type Digest } from '../../../lib/digest.ts';
import { SyncError } from '../../errors.ts';
import type { BlobWriter } from '../../oci/index.ts';
import { Refusal } from './refusal.ts';
import type { RegistryStore } from './registry-store.ts';
import type { UploadSessions } from './upload-sessions.ts';

type Exchange = { readonly request: FastifyRequest; readonly reply: FastifyReply };
type Upload = { readonly repository: string; readonly id: string };
type Parts = { readonly store: RegistryStore; readonly uploads: UploadSessions };

/** POST `/v2/{repository}/blobs/uploads/`: begins an upload, mounts a blob that is here, or takes a blob at once. */
export async function beginUpload({ store, uploads }: Parts, repository: string, exchange: Exchange) {
  const { request, reply } = exchange;
  const { mount, digest } = request.query as Record<string, unknown>;
  if (typeof mount === 'string' && isDigest(mount) && (await store.blobSize(mount)) !== undefined) {
    return created(reply, repository, mount);
  }
  const id = await uploads.begin(repository);
  if (digest !== undefined) return finishUpload(uploads, { repository, id }, exchange);
  return accepted(reply, { repository, id }, 0);
}

/** PATCH: appends a piece. The answer says how much is here; a piece out of order is refused (spec, "chunked"). */
export async function appendToUpload(uploads: UploadSessions, upload: Upload, exchange: Exchange) {
  const { repository, id } = upload;
  const bytes = await endOnFailure(uploads, upload, () =>
    uploads.use(repository, id, async (writer) => {
      checkContentRange(exchange, writer.bytesWritten);
      await receive(exchange.request, writer);
      return writer.bytesWritten;
    }),
  );
  return accepted(exchange.reply, upload, bytes);
}

/** PUT: takes the last piece, if any, and answers 201 when the whole blob is verified and on disk. [G1] */
export async function finishUpload(uploads: UploadSessions, upload: Upload, exchange: Exchange) {
  const { repository, id } = upload;
  const { digest } = exchange.request.query as Record<string, unknown>;
  if (typeof digest !== 'string' || !isDigest(digest)) {
    throw new Refusal('DIGEST_INVALID', 'The query needs digest=sha256:…');
  }
  await endOnFailure(uploads, upload, () =>
    uploads.use(repository, id, async (writer) => {
      checkContentRange(exchange, writer.bytesWritten);
      await receive(exchange.request, writer);
      await writer.commit(digest);
    }),
  );
  await uploads.end(repository, id);
  return created(exchange.reply, repository, digest);
}

/** GET: how much of an upload is here. */
export function reportUpload(uploads: UploadSessions, { repository, id }: Upload, { reply }: Exchange) {
  const bytes = uploads.offset(repository, id);
  return progressHeaders(reply.code(204), { repository, id }, bytes).send();
}

export async function cancelUpload(uploads: UploadSessions, { repository, id }: Upload, { reply }: Exchange) {
  await uploads.end(repository, id);
  return reply.code(204).send();
}

async function receive(request: FastifyRequest, writer: BlobWriter): Promise<void> {
  const body = request.body as AsyncIterable<Uint8Array> | undefined;
  for await (const chunk of body ?? []) await writer.write(chunk);
}

/** Bytes that can become no blob (too many, the wrong ones, no room) are dropped; a body that broke off is not. */
async function endOnFailure<T>(uploads: UploadSessions, upload: Upload, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SyncError && !(error instanceof Refusal))
      await uploads.end(upload.repository, upload.id);
    throw error;
  }
}

function checkContentRange({ request, reply }: Exchange, offset: number): void {
  const header = request.headers['content-range'];
  if (header === undefined) return;
  const [, start, end] = /^(?:bytes )?([0-9]{1,15})-([0-9]{1,15})(?:\/.*)?$/.exec(header) ?? [];
  const length = request.headers['content-length'];
  const whole = length === undefined || Number(length) === Number(end) - Number(start) + 1;
  if (start === undefined || Number(start) !== offset || !whole) {
    void reply.header('range', rangeOf(offset));
    throw new Refusal(
      'BLOB_UPLOAD_INVALID',
      `The upload has ${offset} bytes; ${header} does not follow them`,
      {
        status: 416,
      },
    );
  }
}

function accepted(reply: FastifyReply, upload: Upload, bytes: number): FastifyReply {
  return progressHeaders(reply.code(202), upload, bytes).send();
}

function created(reply: FastifyReply, repository: string, digest: Digest): FastifyReply {
  const location = `/v2/${repository}/blobs/${digest}`;
  return reply.code(201).headers({ location, 'docker-content-digest': digest }).send();
}

function progressHeaders(reply: FastifyReply, { repository, id }: Upload, bytes: number): FastifyReply {
  return reply.headers({
    location: `/v2/${repository}/blobs/uploads/${id}`,
    range: rangeOf(bytes),
    'docker-upload-uuid': id,
  });
}

/** The last byte is inclusive; clients expect `0-0` of an empty upload, too. */
function rangeOf(bytes: number): string {
  return `0-${Math.max(0, bytes - 1)}`;
}
