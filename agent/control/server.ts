import { chmod, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { isCodedError } from '../../lib/coded-error.ts';
import type { LogEvent } from '../../lib/logger.ts';
import { AgentError } from '../errors.ts';
import { appRoute, type AppDesk } from './app-routes.ts';
import { functionRoute, type FunctionDesk } from './function-routes.ts';
import { generationRoute, type GenerationsDesk } from './generation-routes.ts';
import { isAskedFor, type LogQuery } from './log-journal.ts';
import { listSecrets, secretRoute, type SecretDesk } from './secret-routes.ts';
import { hasLines, sendLines, streamRoute, type StreamDesk } from './stream-routes.ts';
import { vaultRoute, type VaultDesk } from './vault-routes.ts';
import { sendMetrics, type MetricsDesk } from './metrics-route.ts';
import {
  invokeRequestSchema,
  logsQuerySchema,
  noSuchRoute,
  type PlanResponse,
  type Status,
} from './protocol.ts';

export type ControlServerOptions = {
  readonly path: string;
  readonly status: () => Status;
  readonly invoke: (name: string, payload: unknown, signal: AbortSignal) => Promise<unknown>;
  readonly functions: FunctionDesk;
  readonly secrets: SecretDesk;
  readonly streams: StreamDesk;
  readonly vault: VaultDesk;
  readonly apps: AppDesk;
  readonly generations: GenerationsDesk;
  readonly plan: (canonical: Uint8Array) => Promise<PlanResponse>;
  readonly metrics: MetricsDesk;
  readonly logs: {
    recent(query: LogQuery): LogEvent[];
    follow(listener: (event: LogEvent) => void): () => void;
  };
};

const nameParameters = z.strictObject({ name: z.string().min(1).max(63) });
/** A follower that does not read is let go once this much waits for it. */
const followerMaxBytes = 2 ** 20;

/** Past this a request is refused. */
const bodyMaxBytes = 4 * 2 ** 20;

type Exchange = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly options: ControlServerOptions;
};

/**
 * Serves the local control protocol on a socket that only the agent's own user may open. By node's own server: four routes
 * are not worth the memory of a framework on a device.
 */
export async function startControlServer(options: ControlServerOptions): Promise<AsyncDisposable> {
  const server = createServer((request, response) => void serve({ request, response, options }));
  await listen(server, options.path);
  return {
    async [Symbol.asyncDispose]() {
      const { promise, resolve } = Promise.withResolvers<undefined>();
      server.close(() => resolve(undefined));
      server.closeAllConnections();
      await promise;
    },
  };
}

async function serve({ request, response, options }: Omit<Exchange, 'url'>): Promise<void> {
  try {
    const url = addressOf(request);
    await route({ request, response, url, options });
  } catch (error) {
    // A caller that left, or whose answer has begun, cannot be told.
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    const { status, problem } = problemOf(error);
    // What is left of a refused body is thrown away, so that a caller who still writes gets to read why.
    request.resume();
    sendJson(response, status, problem);
  }
}

function addressOf({ url = '/' }: IncomingMessage): URL {
  const address = URL.parse(`http://agent${url.startsWith('/') ? '' : '/'}${url}`);
  if (!address) throw new RequestError(400, `The path ${url} cannot be read`);
  return address;
}

async function route(exchange: Exchange): Promise<void> {
  const { request, response, url, options } = exchange;
  const invoked = /^\/v1\/functions\/([^/]+)\/invocations$/.exec(url.pathname)?.[1];
  if (invoked !== undefined && request.method === 'POST') {
    await invoke(exchange, invoked);
    return;
  }
  const asked = functionRoute(request.method ?? '', url.pathname);
  if (asked) {
    const { name } = nameParameters.parse({ name: decodeName(asked.name) });
    const input = await inputOf(request, url);
    sendJson(response, 200, await asked.answer(options.functions, name, input));
    return;
  }
  const secret = secretRoute(request.method ?? '', url.pathname);
  if (secret) {
    const input = request.method === 'PUT' ? await readJson(request) : {};
    sendJson(response, 200, await secret.answer(options.secrets, decodeName(secret.name), input));
    return;
  }
  const asking = { method: request.method ?? '', path: url.pathname };
  const reading = { decode: decodeName, input: () => inputOf(request, url) };
  const answering =
    streamRoute(options.streams, asking, reading) ??
    vaultRoute(options.vault, asking, reading) ??
    appRoute(options.apps, asking, reading) ??
    generationRoute(options.generations, asking, reading);
  if (answering) {
    const answer = await answering(goneSignal(response));
    if (hasLines(answer)) await sendLines(response, answer);
    else sendJson(response, 200, answer);
    return;
  }
  switch (`${request.method ?? ''} ${url.pathname}`) {
    case 'GET /v1/secrets':
      sendJson(response, 200, await listSecrets(options.secrets));
      return;
    case 'GET /v1/status':
      sendJson(response, 200, options.status());
      return;
    case 'POST /v1/plan':
      if (mediaTypeOf(request) !== 'application/octet-stream')
        throw new AgentError('badInput', 'The body is not application/octet-stream');
      sendJson(response, 200, await options.plan(await readBody(request)));
      return;
    case 'GET /v1/metrics':
      sendMetrics(request, response, options.metrics);
      return;
    case 'GET /v1/logs':
      await sendLogs(exchange);
      return;
    default:
      throw new RequestError(noSuchRoute.status, `There is no ${request.method ?? ''} ${url.pathname}`);
  }
}

/** The query of a read, the body of a change. */
async function inputOf(request: IncomingMessage, url: URL): Promise<unknown> {
  return request.method === 'GET' ? Object.fromEntries(url.searchParams) : readJson(request);
}

/** Aborts when the caller goes. */
function goneSignal(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  return gone.signal;
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  if (mediaTypeOf(request) !== 'application/json')
    throw new RequestError(415, 'The body is not application/json');
  return parseJson(await readBody(request));
}

async function invoke({ request, response, options }: Exchange, encodedName: string): Promise<void> {
  const { name } = nameParameters.parse({ name: decodeName(encodedName) });
  const { payload } = invokeRequestSchema.parse(await readJson(request));
  sendJson(response, 200, { result: await options.invoke(name, payload, goneSignal(response)) });
}

function decodeName(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch (cause) {
    throw new RequestError(400, `The name ${encoded} is not URL-encoded`, { cause });
  }
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'), refuseProto);
  } catch (cause) {
    throw new RequestError(400, 'The body is not JSON, or has a __proto__ in it', { cause });
  }
}

function refuseProto(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new SyntaxError('A key is __proto__');
  return value;
}

function mediaTypeOf({ headers }: IncomingMessage): string | undefined {
  return headers['content-type']?.split(';')[0]?.trim().toLowerCase();
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  // The refusal of a large body still needs the socket.
  for await (const piece of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += piece.byteLength;
    if (size > bodyMaxBytes) throw new RequestError(413, `The body is larger than ${bodyMaxBytes} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces, size);
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const body = Buffer.from(JSON.stringify(value));
  response
    .writeHead(status, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': body.byteLength,
    })
    .end(body);
}

async function sendLogs({ response, url, options: { logs } }: Exchange): Promise<void> {
  const query = logsQuerySchema.parse(Object.fromEntries(url.searchParams));
  const lines = new PassThrough({ highWaterMark: followerMaxBytes });
  for (const event of logs.recent(query)) lines.write(`${JSON.stringify(event)}\n`);
  if (!query.follow) lines.end();
  else followInto(lines, logs, query);
  response.writeHead(200, { 'content-type': 'application/jsonl' });
  // A follower learns at once that it is heard.
  response.flushHeaders();
  await pipeline(lines, response);
}

function followInto(
  lines: PassThrough,
  logs: ControlServerOptions['logs'],
  query: Pick<LogQuery, 'function' | 'app'>,
): void {
  const stop = logs.follow((event) => {
    if (!isAskedFor(event, query)) return;
    if (lines.writableLength > followerMaxBytes) lines.destroy();
    else lines.write(`${JSON.stringify(event)}\n`);
  });
  lines.once('close', stop);
}

async function listen(server: Server, path: string): Promise<void> {
  // The root's lock is held: whatever socket is there is a dead one.
  if (process.platform !== 'win32') await rm(path, { force: true });
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  server.once('error', reject);
  server.listen(path, () => resolve(undefined));
  await promise;
  server.off('error', reject);
  if (process.platform !== 'win32') await chmod(path, 0o600);
}

function problemOf(error: unknown): {
  status: number;
  problem: { code: string; message: string; hint?: string };
} {
  if (error instanceof z.ZodError)
    return { status: 400, problem: { code: 'badRequest', message: z.prettifyError(error) } };
  if (isCodedError(error)) {
    const { code, message, hint } = error;
    return {
      status: code.startsWith('unknown') ? 404 : 422,
      problem: { code, message, ...(hint === undefined ? {} : { hint }) },
    };
  }
  const status = error instanceof RequestError ? error.status : 500;
  return {
    status,
    problem: {
      code: status < 500 ? 'badRequest' : 'internal',
      message: error instanceof Error ? error.message : String(error),
    },
  };
}

/** A request that the protocol does not know, by its HTTP status. */
class RequestError extends Error {
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}
