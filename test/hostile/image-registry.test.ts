import { mkdtemp, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { OciLayout, ociIndexType, ociManifestType } from '../../cloud-sync/oci/index.ts';
import { hostPlatform } from '../../cloud-sync/oci/image/platform.ts';
import { pullImage } from '../../cloud-sync/oci/image/pull-image.ts';
import type { PullRequest } from '../../cloud-sync/oci/image/pull-request.ts';
import { digestOf, type Digest } from '../../lib/digest.ts';
import { createHttpsClient } from '../../lib/https-client.ts';
import { chunkedLayer, noise, serveImage } from '../support/chunked-image.ts';
import { CountingRegistry, type Contents } from '../support/counting-registry.ts';

const { signal } = new AbortController();
const layer = chunkedLayer([noise(50_000, 1)]);
let cleanup: AsyncDisposableStack;
let layout: OciLayout;
let contents: Contents;
let registry: CountingRegistry;

beforeEach(async () => {
  cleanup = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-hostile-image-'));
  cleanup.defer(() => rm(folder, { recursive: true }));
  layout = await OciLayout.open(folder);
  contents = new Map();
  registry = cleanup.use(await CountingRegistry.start(contents));
});
afterEach(() => cleanup.disposeAsync());

const pull = (digest: Digest, more: Partial<PullRequest> = {}) =>
  pullImage({
    clients: [registry.client({ attempts: 2 })],
    ...{
      layout,
      digest,
      signal,
      repository: 'acme/web',
      platform: hostPlatform(),
      maxBytes: 2 ** 30,
      ...more,
    },
  });
const coded = (code: string, more = {}) => expect.objectContaining({ code, ...more });

function serve(value: unknown): Digest {
  const bytes = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
  contents.set(digestOf(bytes), bytes);
  return digestOf(bytes);
}

/** A good image with some of its manifest or config replaced. */
function serveSpoilt({ manifest = {}, config = {} }: { manifest?: object; config?: object }): Digest {
  const good = JSON.parse(Buffer.from(contents.get(serveImage(contents, [layer]))!).toString()) as {
    config: { digest: Digest };
  };
  const text = Buffer.from(contents.get(good.config.digest)!).toString();
  const digest = serve({ ...(JSON.parse(text) as object), ...config });
  const { byteLength: size } = contents.get(digest)!;
  return serve({ ...good, config: { ...good.config, digest, size }, ...manifest });
}

describe('what is no image', () => {
  const descriptor = { mediaType: ociManifestType, digest: layer.descriptor.digest, size: 1 };
  test.each([
    ['nonsense', 'no JSON'],
    ['{}', 'neither'],
    ['null', 'neither'],
    [{ schemaVersion: 2, manifests: [], layers: [] }, 'neither'],
    [{ schemaVersion: 1, layers: [] }, 'no valid manifest'],
    [{ schemaVersion: 2, config: descriptor, layers: [{ ...descriptor, size: -1 }] }, 'no valid manifest'],
    [{ schemaVersion: 2, config: descriptor, layers: [] }, 'no container image'],
  ])('(%j) is refused as such', async (value, said) => {
    await expect(pull(serve(value))).rejects.toThrow(
      coded('badImage', { message: expect.stringContaining(said) }),
    );
  });

  test('because it has more layers than anybody needs is refused before one is fetched', async () => {
    const layers = Array.from({ length: 300 }, () => layer.descriptor);
    await expect(pull(serveSpoilt({ manifest: { layers } }))).rejects.toThrow(
      coded('badImage', { message: expect.stringContaining('300 layers') }),
    );
    expect(registry.asked.some(({ path }) => path.endsWith(layer.descriptor.digest))).toBe(false);
  });

  test('because its layer is none is refused before it is fetched', async () => {
    const odd = { ...layer.descriptor, mediaType: 'application/vnd.example.disk' };
    await expect(pull(serveSpoilt({ manifest: { layers: [odd] } }))).rejects.toThrow(
      coded('badImage', { message: expect.stringContaining('application/vnd.example.disk') }),
    );
    expect(registry.rangesOf(layer.descriptor.digest)).toEqual([]);
  });

  test.each([
    ['speaks of other layers', 'badImage', { rootfs: { type: 'layers', diff_ids: [] } }],
    ['is none', 'badImage', { rootfs: undefined }],
    ['is of another machine', 'wrongPlatform', { architecture: 's390x' }],
  ])('because its config %s is refused before a layer is fetched', async (_, code, config) => {
    await expect(pull(serveSpoilt({ config }))).rejects.toThrow(coded(code));
    expect(registry.rangesOf(layer.descriptor.digest)).toEqual([]);
  });

  test('but index in index in index is left', async () => {
    let digest = serveImage(contents, [layer]);
    for (let depth = 0; depth < 5; depth++) {
      const entry = { mediaType: depth === 0 ? ociManifestType : ociIndexType, digest, size: 1 };
      digest = serve({ schemaVersion: 2, mediaType: ociIndexType, manifests: [entry] });
    }
    await expect(pull(digest)).rejects.toThrow(coded('badImage'));
  });
});

describe('a registry that, asked for a layer,', () => {
  const answers = (answer: (response: ServerResponse) => void) => {
    registry.intercept = (request, response) => {
      const isLayer = request.url?.endsWith(layer.descriptor.digest) === true;
      if (isLayer) answer(response);
      return isLayer;
    };
  };

  test.each([
    ['answers 401', 'unauthorized', (response: ServerResponse) => response.writeHead(401).end()],
    ['answers 404', 'notFound', (response: ServerResponse) => response.writeHead(404).end()],
    ['answers 429', 'registry', (response: ServerResponse) => response.writeHead(429).end()],
    ['answers 500', 'registry', (response: ServerResponse) => response.writeHead(500).end()],
    [
      'sends other bytes',
      'digestMismatch',
      (response: ServerResponse) => response.end(noise(layer.blob.byteLength, 9)),
    ],
    ['sends too much', 'sizeMismatch', (response: ServerResponse) => response.end(noise(2 ** 20, 9))],
    ['sends half of it and leaves', 'network', (response: ServerResponse) => sendHalf(response)],
    ['hangs up', 'network', (response: ServerResponse) => response.destroy()],
  ])('%s leaves nothing of it installed', async (_, code, answer) => {
    const digest = serveImage(contents, [layer]);
    answers(answer);
    await expect(pull(digest)).rejects.toThrow(coded(code));
    expect(await layout.has(layer.descriptor.digest)).toBe(false);
  });

  test('says nothing at all is left after a while', async () => {
    const http = cleanup.use(createHttpsClient({ idleTimeoutMs: 100 }));
    const digest = serveImage(contents, [layer]);
    answers(() => undefined);
    await expect(pull(digest, { clients: [registry.client({ http, attempts: 1 })] })).rejects.toThrow(
      coded('network', { transient: true }),
    );
  });

  test('sends its manifest a byte now and then is left for another', async () => {
    const digest = serveImage(contents, [layer]);
    const other = cleanup.use(await CountingRegistry.start(contents));
    cleanup.use(trickling(registry, digest, contents.get(digest)!));
    const slow = registry.client({ attempts: 1, minBytesPerSecond: 1_000_000, rateWindowMs: 40 });
    const failed: string[] = [];
    await pull(digest, {
      clients: [slow, other.client()],
      onProblem: ({ error }) => failed.push(error.code),
    });
    expect(failed).toEqual(['rateTooLow']);
    expect(await layout.isWhole(layer.descriptor.digest)).toBe(true);
  });

  test('wants to be asked in an hour is not waited for', async () => {
    const digest = serveImage(contents, [layer]);
    let asked = 0;
    answers((response) => {
      asked++;
      response.writeHead(429, { 'retry-after': '3600' }).end();
    });
    await expect(pull(digest)).rejects.toThrow(coded('registry', { transient: true }));
    expect(asked).toBe(1);
  });

  test('wants to be asked again gives it then', async () => {
    const digest = serveImage(contents, [layer]);
    let asked = 0;
    registry.intercept = (request, response) => {
      if (request.url?.endsWith(layer.descriptor.digest) !== true || asked++ > 0) return false;
      response.writeHead(429, { 'retry-after': '0' }).end();
      return true;
    };
    await pull(digest);
    expect(await layout.isWhole(layer.descriptor.digest)).toBe(true);
  });
});

function sendHalf(response: ServerResponse): void {
  response.setHeader('content-length', layer.blob.byteLength);
  response.write(layer.blob.subarray(0, layer.blob.byteLength / 2), () => response.destroy());
}

/** Gives one blob a byte at a time, and never the whole of it. */
function trickling(registry: CountingRegistry, digest: Digest, bytes: Uint8Array): Disposable {
  const timers: NodeJS.Timeout[] = [];
  registry.intercept = (request, response) => {
    if (request.url?.endsWith(digest) !== true) return false;
    response.setHeader('content-length', bytes.byteLength);
    let at = 0;
    timers.push(setInterval(() => response.write(bytes.subarray(at % 100, (at++ % 100) + 1)), 10));
    return true;
  };
  return { [Symbol.dispose]: () => timers.forEach(clearInterval) };
}
