import type { FastifyReply, FastifyRequest } from 'fastify';
import { SyncError } from '../../errors.ts';
import { parseRange } from '../registry/byte-range.ts';
import type { FolderType, VaultPlace } from './vault-place.ts';
import type { Vaults } from './vaults.ts';

type Exchange = { readonly request: FastifyRequest; readonly reply: FastifyReply };
type Folder = { readonly device: string; readonly type: FolderType };

/** restic goes by the exact text. */
const listingTypes = {
  v1: 'application/vnd.x.restic.rest.v1',
  v2: 'application/vnd.x.restic.rest.v2',
} as const;

/** GET of a folder: names, or to who asks for version 2 names, sizes and (ours; restic passes over it) when each was received. */
export async function sendListing(
  vaults: Vaults,
  { device, type }: Folder,
  { request, reply }: Exchange,
): Promise<FastifyReply> {
  const files = await vaults.list(device, type);
  const second = request.headers.accept?.includes(listingTypes.v2) ?? false;
  const listing = second
    ? files.map(({ name, bytes, receivedMs }) => ({ name, size: bytes, received: receivedMs }))
    : files.map(({ name }) => name);
  return reply
    .header('content-type', second ? listingTypes.v2 : listingTypes.v1)
    .send(Buffer.from(JSON.stringify(listing)));
}

/** GET and HEAD of a file, with ranges. */
export async function sendFile(
  vaults: Vaults,
  place: VaultPlace,
  { request, reply }: Exchange,
): Promise<FastifyReply> {
  const size = await vaults.size(place);
  void reply.headers({ 'content-type': 'application/octet-stream', 'accept-ranges': 'bytes' });
  if (request.method === 'HEAD') return reply.header('content-length', size).send();
  const range = parseRange(request.headers.range, size);
  if (range === 'unsatisfiable') {
    return reply.code(416).header('content-range', `bytes */${size}`).send();
  }
  if (range === undefined) return reply.header('content-length', size).send(vaults.read(place));
  const { start, end } = range;
  return reply
    .code(206)
    .headers({ 'content-length': end - start + 1, 'content-range': `bytes ${start}-${end}/${size}` })
    .send(vaults.read(place, range));
}

/** POST of a file: 200 when it is durable under its name. [G1] */
export async function receiveFile(
  vaults: Vaults,
  place: VaultPlace,
  { request, reply }: Exchange,
): Promise<FastifyReply> {
  const body = request.body as AsyncIterable<Uint8Array> | undefined;
  const { 'content-length': length } = request.headers;
  if (body === undefined) throw new SyncError('badRequest', 'A file of a repository has a body');
  await vaults.receive(place, { body, ...(length !== undefined && { bytes: Number(length) }) });
  return reply.code(200).send();
}

/** DELETE of a file. */
export async function removeFile(
  vaults: Vaults,
  place: VaultPlace,
  { actor, reply }: { readonly actor: string; readonly reply: FastifyReply },
): Promise<FastifyReply> {
  await vaults.remove(place, actor);
  return reply.code(200).send();
}
