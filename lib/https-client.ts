import {
  Agent as PlainAgent,
  request as plainRequest,
  type ClientRequest,
  type IncomingMessage,
} from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';

export type HttpsClientOptions = {
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: string;
  /** Speak to this Unix socket or named pipe whatever the URL's host says. */
  readonly socketPath?: string;
  /** PEM certificate chain and private key to present. */
  readonly identity?: { readonly certificate: string; readonly key: string };
  /** Without an answer's head, or between two pieces of a body, for this long: a transient failure. Default 15 s; 0 is for ever. */
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
  /**
   * Rejects with a `BodyTooLargeError`, the signal's reason, or node's own errors (`code`; ours is ETIMEDOUT for a silent peer):
   * see `isTransientNetworkError`. Disposal ends what is under way.
   */
  request(request: HttpsRequest): Promise<HttpsResponse>;
};

export class BodyTooLargeError extends Error {
  constructor(url: string, maxBytes: number) {
    super(`The answer of ${url} is larger than ${maxBytes} bytes`);
    this.name = 'BodyTooLargeError';
  }
}

const limits = {
  /** Connections to one peer; further requests wait for one. */
  sockets: 32,
  /** An unused connection is closed after this long, or sooner when the peer says so. */
  keepAliveMs: 4000,
  /** A body is handed over in pieces, so that a slow line is not taken for a silent peer. */
  sendBytes: 64 * 2 ** 10,
  /** More than this is not worth reading to keep a connection. */
  discardBytes: 128 * 2 ** 10,
  /** Nor is waiting longer for the rest of it. */
  discardMs: 5000,
};

export function createHttpsClient({
  ca,
  socketPath,
  identity,
  idleTimeoutMs = 15_000,
}: HttpsClientOptions = {}): HttpsClient {
  const pool = { keepAlive: true, maxSockets: limits.sockets, timeout: limits.keepAliveMs };
  const plain = new PlainAgent(pool);
  const tls = new TlsAgent({
    ...pool,
    rejectUnauthorized: true,
    ...(ca === undefined ? {} : { ca }),
    ...(identity && { cert: identity.certificate, key: identity.key }),
  });
  const closing = new AbortController();
  return {
    async request({ method = 'GET', url, headers = {}, body, signal }) {
      const stopped = signal ? AbortSignal.any([signal, closing.signal]) : closing.signal;
      stopped.throwIfAborted();
      const address = withoutCredentials(url);
      const options = {
        method,
        headers: withLength(headers, body),
        ...(socketPath !== undefined && { socketPath }),
      };
      const asked =
        address.protocol === 'https:'
          ? tlsRequest(address, { ...options, agent: tls })
          : plainRequest(address, { ...options, agent: plain });
      return exchange(asked, { url, body, idleTimeoutMs, signal: stopped });
    },
    [Symbol.asyncDispose]: () => {
      closing.abort(new Error('The HTTP client has been closed'));
      plain.destroy();
      tls.destroy();
      return Promise.resolve();
    },
  };
}

/** An address from a redirect says where to go, never who to be. */
function withoutCredentials(url: string): URL {
  const address = new URL(url);
  address.username = '';
  address.password = '';
  return address;
}

function withLength(
  headers: Readonly<Record<string, string>>,
  body: HttpsRequest['body'],
): Record<string, string> {
  return body === undefined ? headers : { ...headers, 'content-length': String(Buffer.byteLength(body)) };
}

type Exchange = {
  readonly url: string;
  readonly body: string | Uint8Array | undefined;
  readonly idleTimeoutMs: number;
  readonly signal: AbortSignal;
};

/** Resolves with the answer's head. */
function exchange(
  asked: ClientRequest,
  { url, body, idleTimeoutMs, signal }: Exchange,
): Promise<HttpsResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpsResponse>();
  let answer: IncomingMessage | undefined;
  let reason: unknown;
  const stop = (why: unknown) => {
    reason ??= why;
    (answer ?? asked).destroy(why as Error);
  };
  const idle = new IdleTimer(idleTimeoutMs, () => stop(silent(url, idleTimeoutMs)));
  const onAbort = () => stop(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  asked.once('close', () => {
    idle.rest();
    signal.removeEventListener('abort', onAbort);
  });
  asked.once('socket', () => idle.restart());
  // 102 Processing: the peer is at work.
  asked.on('information', () => idle.restart());
  asked.on('error', (error) => reject(reason ?? error));
  asked.once('response', (message) => {
    idle.rest();
    answer = message;
    // Kept by the stream for whoever reads the body later.
    message.on('error', () => undefined);
    resolve(
      responseOf(
        url,
        message,
        piecesOf(message, idle, () => reason),
      ),
    );
  });
  send(asked, Buffer.from(body ?? ''), idle);
  return promise;
}

function send(asked: ClientRequest, body: Buffer, idle: IdleTimer, offset = 0): void {
  if (offset >= body.byteLength) {
    asked.end();
    return;
  }
  const end = offset + limits.sendBytes;
  asked.write(body.subarray(offset, end), (error) => {
    if (error) return;
    idle.postpone();
    send(asked, body, idle, end);
  });
}

function responseOf(url: string, message: IncomingMessage, body: AsyncIterable<Uint8Array>): HttpsResponse {
  const bytes = (maxBytes: number) => collect(body, maxBytes, url);
  return {
    status: message.statusCode ?? 0,
    headers: flatten(message.headersDistinct),
    body,
    bytes,
    discard: async () => {
      const tooLate = setTimeout(() => message.destroy(), limits.discardMs);
      await bytes(limits.discardBytes).catch(() => message.destroy());
      clearTimeout(tooLate);
    },
  };
}

/** Time passes only while a piece is waited for: a reader may be as slow as it likes. */
async function* piecesOf(
  message: IncomingMessage,
  idle: IdleTimer,
  reason: () => unknown,
): AsyncGenerator<Uint8Array> {
  idle.restart();
  try {
    for await (const piece of message as AsyncIterable<Buffer>) {
      idle.rest();
      yield piece;
      idle.restart();
    }
  } catch (error) {
    throw reason() ?? error;
  } finally {
    idle.rest();
  }
}

/** Calls `onIdle` once after `timeoutMs` without a restart, 0 is never; at rest until the first. */
class IdleTimer {
  readonly #timeoutMs: number;
  readonly #onIdle: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(timeoutMs: number, onIdle: () => void) {
    this.#timeoutMs = timeoutMs;
    this.#onIdle = onIdle;
  }

  restart(): void {
    this.rest();
    if (this.#timeoutMs > 0) this.#timer = setTimeout(this.#onIdle, this.#timeoutMs);
  }

  /** Restarts unless at rest. */
  postpone(): void {
    this.#timer?.refresh();
  }

  rest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

function silent(url: string, timeoutMs: number): Error {
  const error = new Error(`${new URL(url).host} has been silent for ${timeoutMs} ms`);
  return Object.assign(error, { code: 'ETIMEDOUT' });
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

function flatten(headers: NodeJS.Dict<string[]>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, values = []]) => [name, values.join(', ')]));
}
