import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import type { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants as zlib, createBrotliCompress, createGzip, createZstdCompress } from 'node:zlib';
import type { Coding } from '../apps/sites/accept-encoding.ts';
import type { SiteAnswer, SiteBody } from '../apps/sites/site-answer.ts';
import { limits } from './limits.ts';

type Exchange = {
  readonly request: { readonly method?: string | undefined };
  readonly response: ServerResponse;
  readonly invocation: string;
  readonly ending: AbortController;
};

/** Bits: by default brotli takes 20 MiB, and readers that do not read hold one each. */
const windowBits = 18;

const compressors: Readonly<Record<Coding, () => Transform>> = {
  br: () =>
    createBrotliCompress({
      params: { [zlib.BROTLI_PARAM_QUALITY]: 5, [zlib.BROTLI_PARAM_LGWIN]: windowBits },
    }),
  zstd: () => createZstdCompress({ params: { [zlib.ZSTD_c_windowLog]: windowBits } }),
  gzip: () => createGzip(),
};

/** Resolves to the bytes of the body when they are with the network. Rejects when the file cannot be read, nothing sent. */
export async function sendFile(exchange: Exchange, { status, headers, body }: SiteAnswer): Promise<number> {
  const { request, response, invocation } = exchange;
  const bytes = body === undefined && status !== 304 ? 0 : body?.bytes;
  const head = {
    ...headers,
    ...(bytes !== undefined && { 'content-length': bytes }),
    'x-content-type-options': 'nosniff',
    'x-holdfast-invocation': invocation,
  };
  if (body === undefined || request.method === 'HEAD') {
    response.writeHead(status, head).end();
    return 0;
  }
  // Not a link: those were followed. A pipe, were there one, is not waited for.
  await using file = await open(body.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  response.writeHead(status, head);
  return await pass(exchange, file.createReadStream({ ...body.range, autoClose: false }), body);
}

async function pass(
  { response, ending: { signal } }: Exchange,
  file: NodeJS.ReadableStream,
  { compress }: SiteBody,
): Promise<number> {
  const before = response.socket?.bytesWritten ?? 0;
  const { socket } = response;
  // Cuts a reader that does not read; a slow one may take as long as it needs.
  response.setTimeout(limits.sendTimeoutMs, () => response.destroy());
  try {
    if (compress) await pipeline(file, compressors[compress](), response, { signal });
    else await pipeline(file, response, { signal });
    return (socket?.bytesWritten ?? 0) - before;
  } finally {
    response.setTimeout(0);
  }
}
