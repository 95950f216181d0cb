import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { OciLayout, RegistryClient, type RegistryClientOptions } from '../../cloud-sync/oci/index.ts';
import { CertificateAuthority } from '../../cloud-sync/trust/index.ts';
import { digestOf } from '../../lib/digest.ts';
import { createHttpsClient } from '../../lib/https-client.ts';

const { signal } = new AbortController();
const repository = 'acme/web';
const blob = Buffer.from('0123456789'.repeat(1000));
const digest = digestOf(blob);
const credentials = { kind: 'basic', username: 'u', password: 'secret' } as const;
let folder: string;
let layout: OciLayout;
let cleanup: AsyncDisposableStack;

beforeEach(async () => {
  cleanup = new AsyncDisposableStack();
  folder = await mkdtemp(join(tmpdir(), 'holdfast-hostile-'));
  cleanup.defer(() => rm(folder, { recursive: true }));
  layout = await OciLayout.open(folder);
});
afterEach(() => cleanup.disposeAsync());

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanup.defer(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A client of a registry that answers as `listener` says. */
async function clientOf(listener: RequestListener, options: Partial<RegistryClientOptions> = {}) {
  const http = cleanup.use(createHttpsClient({ idleTimeoutMs: 5000 }));
  const registryUrl = await serve(listener);
  return new RegistryClient({ http, registryUrl, retryDelayMs: 1, ...options });
}

async function pull(client: RegistryClient): Promise<void> {
  await using writer = await layout.createBlobWriter({ digest, size: blob.byteLength });
  await client.pullBlob({ repository, digest, size: blob.byteLength }, writer, { signal });
}

const coded = (code: string, more = {}) => expect.objectContaining({ code, ...more });

describe('a download', () => {
  test('that never ends is stopped at the first excess byte', async () => {
    let sent = 0;
    const client = await clientOf((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(blob)) sent++;
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });
    await expect(pull(client)).rejects.toThrow(coded('sizeMismatch'));
    expect(sent * blob.byteLength).toBeLessThan(2 ** 26);
    expect(await readdir(join(folder, '.partial'))).toEqual([]);
  });

  test.each([
    ['other bytes', 'digestMismatch', Buffer.alloc(blob.byteLength)],
    ['too few bytes', 'sizeMismatch', blob.subarray(1)],
    ['no bytes', 'sizeMismatch', Buffer.alloc(0)],
  ])('of %s is refused', async (_, code, bytes) => {
    const client = await clientOf((_request, response) => response.end(bytes));
    await expect(pull(client)).rejects.toThrow(coded(code));
    expect(await layout.has(digest)).toBe(false);
  });

  test('that breaks off again and again goes on from where it was', async () => {
    const ranges: (string | undefined)[] = [];
    const client = await clientOf((request, response) => {
      ranges.push(request.headers.range);
      sendFrom(request, response, { breakAfter: 4000 });
    });
    await pull(client);
    expect(await layout.isWhole(digest)).toBe(true);
    expect(ranges).toEqual([undefined, 'bytes=4000-', 'bytes=8000-']);
  });

  test('begins again where a registry ignores ranges', async () => {
    let broken = false;
    const client = await clientOf((_, response) => {
      response.setHeader('content-length', blob.byteLength);
      if (broken) return response.end(blob);
      broken = true;
      return response.write(blob.subarray(0, 4000), () => response.destroy());
    });
    await pull(client);
    expect(await layout.isWhole(digest)).toBe(true);
  });

  test('that resumes a part torn by a power cut is fetched anew', async () => {
    {
      await using torn = await layout.createBlobWriter({ digest, size: blob.byteLength });
      await torn.write(Buffer.alloc(4000));
    }
    const client = await clientOf((request, response) => sendFrom(request, response));
    await pull(client);
    expect(await layout.isWhole(digest)).toBe(true);
  });

  test('that trickles is ended, tried again, and then reported', async () => {
    let tries = 0;
    const client = await clientOf(
      (_, response) => {
        tries++;
        void trickle(response);
      },
      { minBytesPerSecond: 1_000_000, rateWindowMs: 40, attempts: 2 },
    );
    await expect(pull(client)).rejects.toThrow(coded('rateTooLow', { transient: true }));
    expect(tries).toBe(2);
  });

  test('that the owner stops, stops, and its part is kept', async () => {
    const stop = new AbortController();
    const client = await clientOf((_, response) => {
      response.setHeader('content-length', blob.byteLength);
      response.write(blob.subarray(0, 4000));
    });
    const work = async () => {
      await using writer = await layout.createBlobWriter({ digest, size: blob.byteLength });
      await client.pullBlob({ repository, digest, size: blob.byteLength }, writer, {
        signal: stop.signal,
        onProgress: (bytes) => {
          if (bytes === 4000) stop.abort();
        },
      });
    };
    await expect(work()).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
    await using writer = await layout.createBlobWriter({ digest, size: blob.byteLength });
    expect(writer.bytesWritten).toBe(4000);
  });
});

describe('a registry', () => {
  test.each([
    [401, 'unauthorized', false],
    [403, 'forbidden', false],
    [404, 'notFound', false],
    [413, 'tooLarge', false],
    [418, 'registry', false],
    [429, 'registry', true],
    [500, 'registry', true],
    [503, 'registry', true],
  ])('that answers %d fails as %s', async (status, code, transient) => {
    let asked = 0;
    const client = await clientOf(
      (_, response) => {
        asked++;
        response.writeHead(status).end('{"errors":[{"code":"X","message":"why\\nindeed"}]}');
      },
      { attempts: 3 },
    );
    await expect(client.pullManifest(repository, 'v1', { signal })).rejects.toThrow(
      coded(code, { transient, message: expect.stringContaining('X: why indeed') }),
    );
    expect(asked).toBe(transient ? 3 : 1);
  });

  test('that recovers is waited for', async () => {
    let asked = 0;
    const client = await clientOf((_, response) => {
      asked++;
      response.writeHead(asked < 3 ? 503 : 200).end('{}');
    });
    expect((await client.pullManifest(repository, 'v1', { signal })).digest).toBe(digestOf('{}'));
  });

  test('that gives a manifest of another digest, or an endless one, is refused', async () => {
    const other = await clientOf((_, response) => response.end('{}'));
    await expect(other.pullManifest(repository, digest, { signal })).rejects.toThrow(coded('digestMismatch'));
    const endless = await clientOf((_, response) => response.end(Buffer.alloc(5 * 2 ** 20)));
    await expect(endless.pullManifest(repository, 'v1', { signal })).rejects.toThrow(coded('tooLarge'));
  });

  test('without the digest header is asked for the manifest itself', async () => {
    const client = await clientOf((request, response) => response.end(request.method === 'HEAD' ? '' : '{}'));
    expect((await client.resolveTag(repository, 'v1', { signal })).digest).toBe(digestOf('{}'));
  });

  test('that sends us round in circles is left', async () => {
    const client = await clientOf((_, response) => response.writeHead(307, { location: '/again' }).end());
    await expect(client.pullManifest(repository, 'v1', { signal })).rejects.toThrow(coded('badAnswer'));
  });

  test('that redirects to a host without TLS is left', async () => {
    const elsewhere = await serve((_, response) => response.end('{}'));
    const client = await clientOf((_, response) => response.writeHead(307, { location: elsewhere }).end());
    await expect(client.pullManifest(repository, 'v1', { signal })).rejects.toThrow(coded('badAnswer'));
  });

  test('that wants an upload to go to another host gets none', async () => {
    let received = 0;
    const elsewhere = await serve((_, response) => {
      received++;
      response.end();
    });
    const client = await clientOf((request, response) => {
      if (request.method === 'HEAD') response.writeHead(404).end();
      else response.writeHead(202, { location: `${elsewhere}/take` }).end();
    });
    await expect(client.pushBlob({ repository, digest, bytes: blob }, { signal })).rejects.toThrow(
      coded('badAnswer'),
    );
    expect(received).toBe(0);
  });

  test('that is not there is a transient failure', async () => {
    const http = cleanup.use(createHttpsClient());
    const client = new RegistryClient({
      http,
      registryUrl: 'https://127.0.0.1:1',
      attempts: 2,
      retryDelayMs: 1,
    });
    await expect(client.resolveTag(repository, 'v1', { signal })).rejects.toThrow(
      coded('network', { transient: true }),
    );
  });
});

describe('a registry with tokens', () => {
  async function serveTls(listener: (url: string) => RequestListener) {
    const ca = await CertificateAuthority.open({ folder: join(folder, 'ca') });
    const { certificatePem, privateKeyPem } = await ca.issueServer({ hosts: ['127.0.0.1'] });
    const server = createTlsServer({ cert: certificatePem, key: privateKeyPem });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', listener(url));
    cleanup.defer(async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    });
    return { url, http: cleanup.use(createHttpsClient({ ca: ca.caPem })) };
  }

  test('gets the credentials at its token service and the token everywhere else', async () => {
    const seen: string[] = [];
    const { url, http } = await serveTls((own) => (request, response) => {
      const { authorization = '' } = request.headers;
      seen.push(`${request.url ?? ''} ${authorization.split(' ')[0] ?? ''}`);
      if (request.url?.startsWith('/token')) return response.end('{"token":"t1"}');
      if (authorization === 'Bearer t1') return response.end('{}');
      const challenge = `Bearer realm="${own}/token",service="s",scope="repository:${repository}:pull"`;
      return response.writeHead(401, { 'www-authenticate': challenge }).end();
    });
    const client = new RegistryClient({ http, registryUrl: url, credentials });
    await client.pullManifest(repository, 'v1', { signal });
    await client.pullManifest(repository, 'v1', { signal });
    expect(seen).toEqual([
      '/v2/acme/web/manifests/v1 Basic',
      '/token?service=s&scope=repository%3Aacme%2Fweb%3Apull Basic',
      '/v2/acme/web/manifests/v1 Bearer',
      '/v2/acme/web/manifests/v1 Bearer',
    ]);
  });

  test('that refuses its own token is not asked for ever', async () => {
    let tokens = 0;
    const { url, http } = await serveTls((own) => (request, response) => {
      if (request.url?.startsWith('/token')) {
        tokens++;
        return response.end('{"token":"t1"}');
      }
      return response.writeHead(401, { 'www-authenticate': `Bearer realm="${own}/token"` }).end();
    });
    const client = new RegistryClient({ http, registryUrl: url, credentials });
    await expect(client.pullManifest(repository, 'v1', { signal })).rejects.toThrow(coded('unauthorized'));
    expect(tokens).toBe(1);
  });

  test('that stores its blobs elsewhere does not send our credentials there', async () => {
    const seen: (string | undefined)[] = [];
    const storage = await serveTls(() => (request, response) => {
      seen.push(request.headers.authorization);
      response.end('{}');
    });
    const front = await serveTls(() => (_, response) => {
      response.writeHead(307, { location: `${storage.url}/blob` }).end();
    });
    const client = new RegistryClient({ http: front.http, registryUrl: front.url, credentials });
    await client.pullManifest(repository, 'v1', { signal });
    expect(seen).toEqual([undefined]);
  });
});

/** Answers a request for the blob as a good registry does; breaks the connection after `breakAfter` bytes of body. */
function sendFrom(request: IncomingMessage, response: ServerResponse, { breakAfter = Infinity } = {}): void {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const rest = blob.subarray(from);
  const headers = { 'content-length': rest.byteLength };
  if (from === 0) response.writeHead(200, headers);
  else response.writeHead(206, { ...headers, 'content-range': `bytes ${from}-9999/10000` });
  if (rest.byteLength <= breakAfter) response.end(rest);
  else response.write(rest.subarray(0, breakAfter), () => void sleep(20).then(() => response.destroy()));
}

async function trickle(response: ServerResponse): Promise<void> {
  for (let at = 0; at < blob.byteLength && !response.destroyed; at++) {
    response.write(blob.subarray(at, at + 1));
    await sleep(5);
  }
}
