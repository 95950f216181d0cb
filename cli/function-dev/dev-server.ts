import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { refusedMethod } from '../../agent/gateway/allowed-methods.ts';
import { canonicalPath } from '../../agent/gateway/canonical-path.ts';
import { RouteTable } from '../../agent/gateway/route-table.ts';
import type { InvocationEvent, InvocationResult } from '../../functions/runtime/ports.ts';
import { errorCode, errorMessage } from '../../lib/error-code.ts';
import type { FunctionSpec } from '../../manifests/function.ts';
import { CliError } from '../errors.ts';
import { controlPrefix, eventOfRequest } from './event-of-request.ts';

export type DevServerOptions = {
  /** 0 takes a free one. */
  readonly port: number;
  readonly spec: FunctionSpec;
  /** Resolves to undefined when the invocation failed. */
  readonly run: (event: InvocationEvent) => Promise<InvocationResult | undefined>;
};

const maxBodyBytes = 4 * 2 ** 20;

/** A server on this machine only: the `http` triggers of the function, and `/cdn-cgi/handler/…` for its other events. */
export class DevServer implements AsyncDisposable {
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://localhost:${(server.address() as AddressInfo).port}`;
  }

  /** Rejects with CliError `portInUse` when the port is taken. */
  static async open({ port, spec, run }: DevServerOptions): Promise<DevServer> {
    const routes = routesOf(spec);
    const server = createServer((request, response) => {
      answer(request, response, { routes, run }).catch((error: unknown) => {
        const status = error instanceof CliError ? 400 : 500;
        if (!response.headersSent) sendText(response, status, errorMessage(error));
        else response.destroy();
      });
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening').catch((cause: unknown) => {
      if (errorCode(cause) !== 'EADDRINUSE') throw cause;
      throw new CliError('portInUse', `Port ${port} is in use.`, {
        cause,
        hint: 'Choose another by --port; 0 takes a free one.',
      });
    });
    return new DevServer(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

type Route = { readonly path: string; readonly methods?: readonly string[] | undefined };
type Parts = { readonly routes: RouteTable<Route>; readonly run: DevServerOptions['run'] };

/** Without a trigger of any kind the function was started without a manifest: every path is its. */
function routesOf({ on }: FunctionSpec): RouteTable<Route> {
  const routes = on.flatMap((trigger): Route[] =>
    'http' in trigger ? [{ path: trigger.http, methods: trigger.methods }] : [],
  );
  const all = on.length === 0 ? [{ path: '/*' }] : routes;
  return new RouteTable(all.map((route) => [route.path, route] as const));
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { routes, run }: Parts,
): Promise<void> {
  const url = new URL(request.url ?? '/', `http://${request.headers.host ?? 'localhost'}`);
  refuseOtherSites(request);
  const body = await readBody(request);
  if (url.pathname.startsWith(controlPrefix)) {
    const kind = url.pathname.slice(controlPrefix.length);
    const contentType = request.headers['content-type'];
    await answerControl(response, eventOfRequest({ kind, query: url.searchParams, body, contentType }), run);
    return;
  }
  const path = canonicalPath(url.pathname);
  const route = path && routes.match(path.decoded);
  if (route === undefined) {
    sendText(
      response,
      404,
      `No http trigger of the function takes ${url.pathname}; on a device this is a 404 too.`,
    );
    return;
  }
  const method = request.method ?? 'GET';
  const allow = refusedMethod(route.methods, method);
  if (allow !== undefined) {
    response.setHeader('allow', allow);
    sendText(response, 405, `The trigger ${route.path} takes ${allow}; on a device ${method} is a 405 too.`);
    return;
  }
  const result = await run({
    kind: 'fetch',
    method,
    url: url.href,
    headers: pairs(request.rawHeaders),
    body,
    route: route.path,
  });
  if (!result?.response) {
    sendText(response, 500, 'The function failed; its error is in the terminal of holdfast functions dev.');
    return;
  }
  const { status, headers, body: bytes } = result.response;
  response.writeHead(status, headers.flat());
  response.end(bytes);
}

async function answerControl(
  response: ServerResponse,
  event: InvocationEvent,
  run: Parts['run'],
): Promise<void> {
  const result = await run(event);
  response.writeHead(result ? 200 : 500, { 'content-type': 'application/json' });
  const { value, queue, cpuMs, wallMs } = result ?? {};
  response.end(`${JSON.stringify({ ok: result !== undefined, value, queue, cpuMs, wallMs })}\n`);
}

/** A page of another site that is open in the author's browser is not the author. */
function refuseOtherSites({ headers }: IncomingMessage): void {
  const { hostname } = new URL(`http://${headers.host ?? ''}`);
  if (!/^(?:localhost|.*\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)) {
    throw new CliError('usage', `${hostname} is not this machine; use localhost.`);
  }
  const { origin } = headers;
  if (origin !== undefined && !/^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/.test(origin)) {
    throw new CliError('usage', `${origin} may not call functions on this machine.`);
  }
}

async function readBody(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > maxBodyBytes) throw new CliError('usage', `The body is larger than ${maxBodyBytes} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

function pairs(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, at) => [raw[2 * at] ?? '', raw[2 * at + 1] ?? '']);
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' });
  response.end(`${text}\n`);
}
