import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createFetch } from '../../agent/outside/fetch.ts';
import type { Resolve } from '../../agent/outside/guarded-lookup.ts';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A server on a free port of this machine. */
export async function serve(handler: Handler) {
  const server = createServer(handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** For tests that name addresses. */
export const nothing: Resolve = () => Promise.reject(new Error('nothing is looked up here'));

type Asked = Partial<Parameters<ReturnType<typeof createFetch>['fetch']>[0]> & { readonly url: string };

/** A fetch with the grant of its own origin, unless it is given others. */
export async function ask(
  { url, origins = [new URL(url).origin], ...more }: Asked,
  {
    resolve = nothing,
    signal = new AbortController().signal,
  }: { resolve?: Resolve; signal?: AbortSignal } = {},
) {
  using outside = createFetch({ resolve });
  const usual = {
    method: 'GET',
    headers: [],
    body: undefined,
    redirect: 'follow',
    maxResponseBytes: 2 ** 20,
  } as const;
  const response = await outside.fetch({ ...usual, url, origins, ...more }, { signal });
  return { ...response, text: Buffer.from(response.body).toString('utf8') };
}

export const echo: Handler = (request, response) => {
  const pieces: Buffer[] = [];
  request.on('data', (piece: Buffer) => pieces.push(piece));
  request.on('end', () => {
    const { method, url, headers } = request;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(pieces).toString('utf8') }));
  });
};
export type Echo = { method: string; url: string; headers: Record<string, string>; body: string };
