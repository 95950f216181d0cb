import { Agent as PlainAgent, request as plainRequest, type IncomingMessage } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { errorCode } from '../../lib/error-code.ts';
import { AgentError } from '../errors.ts';
import { codingsOf, decodeBody } from './decode-body.ts';
import { guardedLookup, type Resolve } from './guarded-lookup.ts';
import { isOurs, requestHeaders, type HeaderList } from './request-headers.ts';

type ExchangeRequest = {
  readonly method: string;
  readonly url: URL;
  readonly headers: HeaderList;
  readonly body: Uint8Array | undefined;
  readonly maxResponseBytes: number;
};
export type ExchangeResponse = {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Uint8Array;
};

/** One request, one response; follows nothing. */
export type Exchange = Disposable & {
  send(request: ExchangeRequest, signal: AbortSignal): Promise<ExchangeResponse>;
};

export type ExchangeOptions = {
  readonly resolve: Resolve;
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: string | undefined;
};

const pool = {
  keepAlive: true,
  /** To one origin, and in all; further requests wait. */
  maxSockets: 32,
  maxTotalSockets: 128,
  maxFreeSockets: 4,
  /** An unused connection is closed after this long, or sooner when the peer says so. */
  timeout: 4000,
};

/** By node's own client, without a redirect or a proxy of its own; every new connection goes through the guard. */
export function createExchange({ resolve, ca }: ExchangeOptions): Exchange {
  const lookup = guardedLookup(resolve);
  const plain = new PlainAgent(pool);
  const tls = new TlsAgent({ ...pool, rejectUnauthorized: true, ...(ca !== undefined && { ca }) });
  const open = ({ url, method, headers, body }: ExchangeRequest, signal: AbortSignal) => {
    const options = { method, headers: requestHeaders(headers, body), lookup, signal };
    return url.protocol === 'https:'
      ? tlsRequest(url, { ...options, agent: tls })
      : plainRequest(url, { ...options, agent: plain });
  };
  const once = async (request: ExchangeRequest, signal: AbortSignal): Promise<ExchangeResponse> => {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const asked = opened(() => open(request, signal));
    asked.once('response', resolve);
    asked.on('error', (error) => reject(withReuse(error, asked.reusedSocket)));
    // After a response, such as 101, of which node tells nobody.
    asked.once('close', () =>
      reject(new AgentError('badMessage', 'The connection ended without a response')),
    );
    asked.end(request.body);
    return readResponse(await promise, request);
  };
  return {
    async send(request, signal) {
      signal.throwIfAborted();
      try {
        return await once(request, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof StaleConnection)) throw error;
        // The peer closed a kept connection just when it was used again. RFC 9112 §9.3.1
        if (!isIdempotent(request.method)) throw error.cause;
        return once(request, signal);
      }
    },
    [Symbol.dispose]: () => {
      plain.destroy();
      tls.destroy();
    },
  };
}

/** node refuses what a header or a method may not have. */
function opened<T>(open: () => T): T {
  try {
    return open();
  } catch (cause) {
    throw new AgentError('badInput', 'The method or a header of the request cannot be sent', { cause });
  }
}

class StaleConnection extends Error {}

function withReuse(error: Error, reused: boolean): Error {
  return reused && errorCode(error) === 'ECONNRESET' ? new StaleConnection('', { cause: error }) : error;
}

function isIdempotent(method: string): boolean {
  return ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'].includes(method);
}

async function readResponse(
  message: IncomingMessage,
  { method, maxResponseBytes }: ExchangeRequest,
): Promise<ExchangeResponse> {
  const status = message.statusCode ?? 0;
  if (status < 200 || status > 599)
    throw new AgentError('badMessage', `The response has the status ${status}`);
  const headers = pairsOf(message.rawHeaders).filter(([name]) => !isOurs(name));
  const raw = await collect(message, maxResponseBytes);
  const hasBody = method !== 'HEAD' && raw.byteLength > 0;
  const codings = hasBody ? codingsOf(message.headers['content-encoding'] ?? '') : undefined;
  if (!codings || codings.length === 0) return { status, headers, body: raw };
  return {
    status,
    // It says no more what the body is.
    headers: headers.filter(([name]) => name !== 'content-encoding'),
    body: await decodeBody(raw, codings, maxResponseBytes),
  };
}

async function collect(message: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of message as AsyncIterable<Buffer>) {
    size += piece.byteLength;
    // Leaving the loop destroys the connection.
    if (size > maxBytes) throw new AgentError('tooLarge', `The response is larger than ${maxBytes} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces, size);
}

/** As they came: repeated ones stay apart. */
function pairsOf(raw: readonly string[]): [string, string][] {
  return raw.flatMap((name, index) =>
    index % 2 === 0 ? [[name.toLowerCase(), raw[index + 1] ?? ''] as [string, string]] : [],
  );
}
