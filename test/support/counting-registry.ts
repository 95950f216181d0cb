import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseRange } from '../../cloud-sync/control-plane/registry/byte-range.ts';
import { RegistryClient, type RegistryClientOptions } from '../../cloud-sync/oci/index.ts';
import { createHttpsClient } from '../../lib/https-client.ts';
import type { Digest } from '../../lib/digest.ts';

/** One request, as it was answered. */
export type Asked = { readonly path: string; readonly range: string | undefined };

/** Answers in the registry's place and returns true, or returns false. */
export type Interception = (request: IncomingMessage, response: ServerResponse) => boolean;

/** Manifests and blobs alike. */
export type Contents = Map<Digest, Uint8Array>;

/** A read-only registry over HTTP on loopback that counts what it sends. */
export class CountingRegistry implements AsyncDisposable {
  readonly url: string;
  readonly asked: Asked[] = [];
  /** Of bodies of good answers. */
  sentBytes = 0;
  intercept: Interception = () => false;
  readonly #stack: AsyncDisposableStack;
  readonly #http = createHttpsClient();

  private constructor(url: string, stack: AsyncDisposableStack) {
    this.url = url;
    this.#stack = stack;
  }

  static async start(contents: Contents): Promise<CountingRegistry> {
    const stack = new AsyncDisposableStack();
    const server = createServer((request, response) => registry.#answer(contents, request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    stack.defer(async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const registry = new CountingRegistry(url, stack);
    return registry;
  }

  client(options: Partial<RegistryClientOptions> = {}): RegistryClient {
    return new RegistryClient({ http: this.#http, registryUrl: this.url, retryDelayMs: 1, ...options });
  }

  /** Ranges of a blob that were asked for; undefined for all of it. */
  rangesOf(digest: Digest): (string | undefined)[] {
    return this.asked.filter(({ path }) => path.endsWith(digest)).map(({ range }) => range);
  }

  forget(): void {
    this.asked.length = 0;
    this.sentBytes = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http[Symbol.asyncDispose]();
    await this.#stack.disposeAsync();
  }

  #answer(contents: Contents, request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? '';
    this.asked.push({ path, range: request.headers.range });
    if (this.intercept(request, response)) return;
    const digest = path.slice(path.lastIndexOf('/') + 1) as Digest;
    const bytes = contents.get(digest);
    if (!bytes) {
      response.writeHead(404).end();
      return;
    }
    const range = parseRange(request.headers.range, bytes.byteLength);
    const part = typeof range === 'object' ? bytes.subarray(range.start, range.end + 1) : bytes;
    if (typeof range === 'object') {
      response.setHeader('content-range', `bytes ${range.start}-${range.end}/${bytes.byteLength}`);
    }
    this.sentBytes += part.byteLength;
    response
      .writeHead(typeof range === 'object' ? 206 : 200, { 'content-length': part.byteLength })
      .end(part);
  }
}
