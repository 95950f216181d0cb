import { Agent, request } from 'undici';
import { errorCode } from './error-code.ts';

export type HttpsClientOptions = {
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: string;
  /** Speak to this Unix socket or named pipe whatever the URL's host says. */
  readonly socketPath?: string;
  /** PEM certificate chain and private key to present. */
  readonly identity?: { readonly certificate: string; readonly key: string };
  /** Without an answer's head, or between two pieces of a body, for this long: a transient failure. Default 15 s. */
  readonly idleTimeoutMs?: number;
};

export type HttpsRequest = {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal;
};

export type HttpsResponse = {
  readonly status: number;
  /** Lower-case names; repeated headers joined by a comma. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body, once. Leave it unread only by calling `discard`. */
  readonly body: AsyncIterable<Uint8Array>;
  /** The whole body; rejects as soon as it grows past `maxBytes`. */
  bytes(maxBytes: number): Promise<Uint8Array>;
  discard(): Promise<void>;
};

/** HTTP/1.1 over TLS (or plain, for a loopback registry) with own trust and identity. Follows no redirect. */
export type HttpsClient = AsyncDisposable & {
  /** Rejects with a `BodyTooLargeError`, an AbortError, or undici's and node's own errors (`code`): see `isTransientNetworkError`. */
  request(request: HttpsRequest): Promise<HttpsResponse>;
};

export class BodyTooLargeError extends Error {
  constructor(url: string, maxBytes: number) {
    super(`The answer of ${url} is larger than ${maxBytes} bytes`);
    this.name = 'BodyTooLargeError';
  }
}

export function createHttpsClient({
  ca,
  socketPath,
  identity,
  idleTimeoutMs = 15_000,
}: HttpsClientOptions = {}): HttpsClient {
  const dispatcher = new Agent({
    connect: {
      ...(ca === undefined ? {} : { ca }),
      ...(socketPath === undefined ? {} : { socketPath }),
      ...(identity && { cert: identity.certificate, key: identity.key }),
      timeout: idleTimeoutMs,
    },
    headersTimeout: idleTimeoutMs,
    bodyTimeout: idleTimeoutMs,
  });
  return {
    async request({ method = 'GET', url, headers = {}, body, signal }) {
      const answer = await request(url, {
        method,
        headers,
        body: body ?? null,
        signal: signal ?? null,
        dispatcher,
      });
      return {
        status: answer.statusCode,
        headers: flatten(answer.headers),
        body: answer.body,
        bytes: (maxBytes) => collect(answer.body, maxBytes, url),
        discard: () => answer.body.dump(),
      };
    },
    [Symbol.asyncDispose]: () => dispatcher.destroy(),
  };
}

const transientCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EAI_AGAIN',
  'ENOTFOUND',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_SOCKET',
]);

/** Whether a failed request may work later: the network was away or the peer went silent. */
export function isTransientNetworkError(error: unknown): boolean {
  return transientCodes.has(errorCode(error) ?? '');
}

async function collect(body: AsyncIterable<Uint8Array>, maxBytes: number, url: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > maxBytes) throw new BodyTooLargeError(url, maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

function flatten(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.toLowerCase(),
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  );
}
