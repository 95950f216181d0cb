import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import { prometheusContentType } from '../../lib/metrics/prometheus-text.ts';
import { listenAt } from '../../lib/remembered-port.ts';

export type MetricsAddress = { readonly host: string; readonly port: number };

export type MetricsEndpointOptions = {
  /** The exposition, made for each scrape. */
  readonly text: () => string;
  readonly logger: () => Logger;
};

const retryMs = 30_000;
const limits = { connections: 16, headerBytes: 8192, timeoutMs: 10_000 };

/**
 * Answers `GET /metrics` over TCP, where the manifest says so. An address that cannot be had is no fault of a generation:
 * it is logged once, and tried again.
 */
export class MetricsEndpoint implements AsyncDisposable {
  readonly #options: MetricsEndpointOptions;
  #wanted: MetricsAddress | undefined;
  #server: Server | undefined;
  #retry: NodeJS.Timeout | undefined;
  #problem: string | undefined;
  #turn: Promise<void> = Promise.resolve();

  constructor(options: MetricsEndpointOptions) {
    this.#options = options;
  }

  /** Resolves once it answers there, or knows why not. Undefined: nowhere. */
  configure(address: MetricsAddress | undefined): Promise<void> {
    this.#turn = this.#turn.then(async () => {
      if (address?.host === this.#wanted?.host && address?.port === this.#wanted?.port) return;
      await this.#close();
      this.#wanted = address;
      this.#problem = undefined;
      await this.#open();
    });
    return this.#turn;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.configure(undefined);
  }

  async #open(): Promise<void> {
    const address = this.#wanted;
    if (!address) return;
    const server = createServer({
      ...{ maxHeaderSize: limits.headerBytes, requestTimeout: limits.timeoutMs },
      ...{ headersTimeout: limits.timeoutMs, keepAliveTimeout: limits.timeoutMs },
    });
    server.maxConnections = limits.connections;
    server.on('request', (request, response) => this.#answer(request, response));
    try {
      await listenAt(server, address);
    } catch (error) {
      this.#failed(address, error);
      return;
    }
    // A scraper keeps its connection; the device is not kept awake for it.
    this.#server = server.unref();
    this.#problem = undefined;
    this.#options.logger().info('metrics.listening', address);
  }

  #failed(address: MetricsAddress, error: unknown): void {
    if (this.#problem === undefined)
      this.#options.logger().error('metrics.unavailable', { ...address, error: errorMessage(error) });
    this.#problem = errorMessage(error);
    this.#retry = setTimeout(() => {
      this.#turn = this.#turn.then(() => (this.#server ? undefined : this.#open()));
    }, retryMs).unref();
  }

  async #close(): Promise<void> {
    clearTimeout(this.#retry);
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    server.close(() => resolve(undefined));
    server.closeAllConnections();
    await promise;
  }

  #answer({ method, url = '' }: IncomingMessage, response: ServerResponse): void {
    const path = url.split('?')[0];
    if (path !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('There is only /metrics.\n');
      return;
    }
    if (method !== 'GET' && method !== 'HEAD') {
      response.writeHead(405, { 'content-type': 'text/plain', allow: 'GET, HEAD' }).end('GET it.\n');
      return;
    }
    const body = Buffer.from(this.#options.text());
    response
      .writeHead(200, { 'content-type': prometheusContentType, 'content-length': body.byteLength })
      .end(method === 'HEAD' ? undefined : body);
  }
}
