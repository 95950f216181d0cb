import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  OciLayout,
  ociIndexType,
  ociManifestType,
  RegistryClient,
  type RegistryClientOptions,
} from '../../cloud-sync/oci/index.ts';
import { hostPlatform, type Platform } from '../../cloud-sync/oci/image/platform.ts';
import { pullImage } from '../../cloud-sync/oci/image/pull-image.ts';
import type { PullRequest } from '../../cloud-sync/oci/image/pull-request.ts';
import { CertificateAuthority } from '../../cloud-sync/trust/index.ts';
import { digestOf, type Digest } from '../../lib/digest.ts';
import { createHttpsClient } from '../../lib/https-client.ts';
import { silentLogger } from '../../lib/logger.ts';
import { Registries } from '../../agent/registries.ts';
import { registrySchema } from '../../manifests/registries.ts';
import { chunkedLayer, noise, serveImage } from '../support/chunked-image.ts';
import { CountingRegistry, type Contents } from '../support/counting-registry.ts';
import { htpasswd, startDockerRegistry, type DockerRegistry } from '../support/docker-registry.ts';
import { peerTest } from '../support/peers.ts';
import { startTokenService } from '../support/token-service.ts';

const { signal } = new AbortController();
const repository = 'acme/web';
const login = { kind: 'basic', username: 'puller', password: 's3cret' } as const;
const foreign: Platform = { os: 'linux', architecture: 's390x' };
const layers = [1, 2, 3].map((seed) => chunkedLayer([noise(50_000, seed)]));

let cleanup: AsyncDisposableStack;
let folder: string;
let layout: OciLayout;

beforeEach(async () => {
  cleanup = new AsyncDisposableStack();
  folder = await mkdtemp(join(tmpdir(), 'holdfast-pull-'));
  cleanup.defer(() => rm(folder, { recursive: true }));
  layout = await OciLayout.open(join(folder, 'here'));
});
afterEach(() => cleanup.disposeAsync());

const pull = (clients: readonly RegistryClient[], digest: Digest, more: Partial<PullRequest> = {}) =>
  pullImage({
    ...{ clients, layout, repository, digest, signal, platform: hostPlatform(), maxBytes: 2 ** 30, ...more },
  });
const coded = (code: string, more = {}) => expect.objectContaining({ code, ...more });

/** An image for this machine and one for another, under one index. */
function serveIndex(contents: Contents): { readonly index: Digest; readonly own: Digest } {
  const [own, other] = [serveImage(contents, layers), serveImage(contents, layers.slice(0, 1), foreign)];
  const entry = (digest: Digest, platform: Platform) => ({
    ...{ mediaType: ociManifestType, digest, size: contents.get(digest)?.byteLength, platform },
  });
  const manifests = [entry(other, foreign), entry(own, hostPlatform())];
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: ociIndexType, manifests }));
  contents.set(digestOf(bytes), bytes);
  return { index: digestOf(bytes), own };
}

describe('an image', () => {
  test('of several platforms comes for this one, every blob of it, counted', async () => {
    const contents: Contents = new Map();
    const { index, own } = serveIndex(contents);
    await using registry = await CountingRegistry.start(contents);
    const pulled = await pull([registry.client()], index);
    expect(pulled).toMatchObject({ digest: index, manifestDigest: own, bytesFetched: registry.sentBytes });
    expect(pulled.config.architecture).toBe(hostPlatform().architecture);
    const wanted = [index, own, pulled.manifest.config.digest, ...layers.map((one) => one.descriptor.digest)];
    expect(await layout.digests()).toEqual(new Set(wanted));
    registry.forget();
    expect((await pull([registry.client()], index)).bytesFetched).toBe(0);
    expect(registry.asked).toEqual([]);
  });

  test('is taken from a mirror, and what the mirror lacks or spoils from the registry', async () => {
    const contents: Contents = new Map();
    const { index } = serveIndex(contents);
    const [first, second] = layers.map((layer) => layer.descriptor.digest);
    const poor = new Map([...contents].filter(([digest]) => digest !== first));
    poor.set(second!, Buffer.alloc(contents.get(second!)!.byteLength));
    await using mirror = await CountingRegistry.start(poor);
    await using registry = await CountingRegistry.start(contents);
    const problems: string[] = [];
    await pull([mirror.client(), registry.client()], index, {
      concurrency: 1,
      onProblem: ({ host, error }) => problems.push(`${host} ${error.code}`),
    });
    const { host } = mirror.client();
    expect(problems).toEqual([`${host} notFound`, `${host} digestMismatch`]);
    for (const { descriptor } of layers) expect(await layout.isWhole(descriptor.digest)).toBe(true);
  });

  test('is taken from the registry when the mirror is away, which costs its time once', async () => {
    const contents: Contents = new Map();
    const { index } = serveIndex(contents);
    await using registry = await CountingRegistry.start(contents);
    const mirror = await CountingRegistry.start(contents);
    let asked = 0;
    mirror.intercept = (_, response) => {
      asked++;
      response.writeHead(503).end();
      return true;
    };
    cleanup.use(mirror);
    await pull([mirror.client({ attempts: 2 }), registry.client()], index);
    expect(asked).toBe(2);
  });

  test('that no registry has is not found, in the words of the last', async () => {
    await using mirror = await CountingRegistry.start(new Map());
    await using registry = await CountingRegistry.start(new Map());
    await expect(pull([mirror.client(), registry.client()], digestOf('none'))).rejects.toThrow(
      coded('notFound', { message: expect.stringContaining(registry.client().host) }),
    );
  });

  test.each([
    { what: 'for another platform', code: 'wrongPlatform', more: {} },
    { what: 'larger than allowed', code: 'tooLarge', more: { platform: foreign, maxBytes: 1000 } },
  ])('$what is refused before any layer of it is fetched', async ({ code, more }) => {
    const contents: Contents = new Map();
    const digest = serveImage(contents, layers, foreign);
    await using registry = await CountingRegistry.start(contents);
    await expect(pull([registry.client()], digest, more)).rejects.toThrow(coded(code));
    expect(registry.rangesOf(layers[0]!.descriptor.digest)).toEqual([]);
  });
});

describe("Debian's docker-registry", () => {
  const needed = ['docker-registry'];
  const client = (registry: DockerRegistry, options: Partial<RegistryClientOptions> = {}) =>
    new RegistryClient({ http: cleanup.use(createHttpsClient()), registryUrl: registry.url, ...options });

  /** Uploads all of an index and resolves with its digest. */
  async function push(to: RegistryClient): Promise<Digest> {
    const contents: Contents = new Map();
    const { index } = serveIndex(contents);
    const texts = new Map([...contents].map(([digest, bytes]) => [digest, Buffer.from(bytes).toString()]));
    const isManifest = (digest: Digest) => texts.get(digest)?.startsWith('{"schemaVersion"') === true;
    for (const [digest, bytes] of contents) {
      if (!isManifest(digest)) await to.pushBlob({ repository, digest, bytes }, { signal });
    }
    for (const [digest, bytes] of contents) {
      const mediaType = digest === index ? ociIndexType : ociManifestType;
      if (isManifest(digest))
        await to.pushManifest({ repository, reference: digest, bytes, mediaType }, { signal });
    }
    return index;
  }

  peerTest(
    needed,
    'gives an image to a device with the password of its file, and to nobody else',
    async () => {
      const auth = { htpasswd: { realm: 'here', path: 'FOLDER/htpasswd' } };
      const registry = cleanup.use(await startDockerRegistry({ auth, files: { htpasswd } }));
      const index = await push(client(registry, { credentials: login }));
      const wrong = { ...login, password: 'guess' };
      await expect(pull([client(registry, { credentials: wrong })], index)).rejects.toThrow(
        coded('unauthorized', { message: expect.not.stringContaining('guess') }),
      );
      await expect(pull([client(registry)], index)).rejects.toThrow(coded('unauthorized'));
      const spec = registrySchema.parse({ login: 'hub', insecure: true });
      const registries = cleanup.use(
        new Registries({
          own: undefined,
          secret: (name) => Promise.resolve(name === 'hub' ? 'puller:s3cret\n' : undefined),
          logger: silentLogger,
        }),
      );
      await registries.use({ [registry.host]: spec });
      await pull(registries.clients(registry.host), index);
      for (const { descriptor } of layers) expect(await layout.isWhole(descriptor.digest)).toBe(true);
    },
  );

  peerTest(needed, 'gives an image to who has a token of its token service', async () => {
    const ca = await CertificateAuthority.open({ folder: join(folder, 'ca') });
    const { certificatePem, privateKeyPem } = await ca.issueServer({ hosts: ['localhost'] });
    const service = cleanup.use(
      await startTokenService({
        ...{ certificate: certificatePem, key: privateKeyPem, login: 'puller:s3cret', issuer: 'tests' },
      }),
    );
    const auth = {
      token: { realm: service.url, service: 'hub', issuer: 'tests', rootcertbundle: 'FOLDER/ca.pem' },
    };
    const registry = cleanup.use(await startDockerRegistry({ auth, files: { 'ca.pem': ca.caPem } }));
    const index = await push(client(registry, { credentials: login }));
    await expect(pull([client(registry)], index)).rejects.toThrow(coded('unauthorized'));
    service.given.length = 0;
    await pull([client(registry, { credentials: login })], index);
    expect(service.given).toEqual([`repository:${repository}:pull`]);
    for (const { descriptor } of layers) expect(await layout.isWhole(descriptor.digest)).toBe(true);
  });
});
