import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import { fetchArtifact, OciLayout, parseImageManifest, pushArtifact } from '../../cloud-sync/oci/index.ts';
import { digestOf } from '../../lib/digest.ts';
import { sampleArtifact } from '../support/artifacts.ts';
import { peerTest } from '../support/peers.ts';
import { credentials, startRegistry, type TestRegistry } from '../support/registry-server.ts';

const run = promisify(execFile);
const { signal } = new AbortController();
const limits = { manifestBytes: 4 * 2 ** 20, totalBytes: 64 * 2 ** 20 };
let folder: string;
let registry: TestRegistry;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-skopeo-'));
  registry = await startRegistry();
  await mkdir(join(folder, 'certs'));
  await writeFile(join(folder, 'certs', 'ca.crt'), registry.caPem);
});
afterEach(async () => {
  await registry[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

async function skopeo(...args: string[]): Promise<string> {
  const { stdout } = await run('skopeo', ['--insecure-policy', '--tmpdir', folder, ...args], { cwd: folder });
  return stdout;
}
const creds = `${credentials.username}:${credentials.password}`;
const from = ['--src-cert-dir', 'certs', '--src-creds', creds];
const to = ['--dest-cert-dir', 'certs', '--dest-creds', creds];

/** An ordinary container image of one layer in a layout of its own, as `docker build` would leave it. */
async function imageLayout(): Promise<{ readonly digest: string; readonly layer: Buffer }> {
  const layout = await OciLayout.open(join(folder, 'image'));
  const tar = Buffer.alloc(10_240);
  const layer = gzipSync(tar);
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
    }),
  );
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: {
        mediaType: 'application/vnd.oci.image.config.v1+json',
        digest: digestOf(config),
        size: config.byteLength,
      },
      layers: [
        {
          mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
          digest: digestOf(layer),
          size: layer.byteLength,
        },
      ],
    }),
  );
  for (const bytes of [layer, config, manifest]) await layout.writeBlob(digestOf(bytes), bytes);
  await layout.tag('latest', {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: digestOf(manifest),
    size: manifest.byteLength,
  });
  return { digest: digestOf(manifest), layer };
}

describe('skopeo', () => {
  peerTest(['skopeo'], 'pulls the function artifact that we push, byte for byte [G10]', async () => {
    const artifact = sampleArtifact();
    await pushArtifact({
      client: registry.client(),
      repository: 'functions/to-celsius',
      tag: 'v1',
      signal,
      ...artifact,
    });

    await skopeo('copy', ...from, `docker://${registry.host}/functions/to-celsius:v1`, 'oci:pulled:v1');

    const pulled = await OciLayout.open(join(folder, 'pulled'));
    expect(pulled.resolve('v1')?.digest).toBe(artifact.digest);
    for (const { digest, bytes } of artifact.blobs) {
      expect(Buffer.compare(await pulled.read(digest, 1e6), bytes)).toBe(0);
    }
  });

  peerTest(['skopeo'], 'pushes a function artifact that we fetch by its digest [G10]', async () => {
    const artifact = sampleArtifact();
    const layout = await OciLayout.open(join(folder, 'ours'));
    for (const { digest, bytes } of artifact.blobs) await layout.writeBlob(digest, bytes);
    await layout.writeBlob(artifact.digest, artifact.manifest);
    await layout.tag('v1', {
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      digest: artifact.digest,
      size: artifact.manifest.byteLength,
    });

    await skopeo('copy', ...to, 'oci:ours:v1', `docker://${registry.host}/functions/copied:v1`);

    const fetched = await OciLayout.open(join(folder, 'fetched'));
    await fetchArtifact({
      clients: [registry.client()],
      layout: fetched,
      repository: 'functions/copied',
      digest: artifact.digest,
      limits,
      signal,
    });
    expect((await fetched.digests()).size).toBe(4);
  });

  peerTest(
    ['skopeo'],
    'copies a container image to the registry and back, and lists its tags [G10]',
    async () => {
      const image = await imageLayout();
      await skopeo('copy', ...to, 'oci:image:latest', `docker://${registry.host}/acme/web:latest`);
      await skopeo('copy', ...from, `docker://${registry.host}/acme/web:latest`, 'oci:back:latest');

      const back = await OciLayout.open(join(folder, 'back'));
      expect(back.resolve('latest')?.digest).toBe(image.digest);
      const listed = await skopeo(
        'list-tags',
        '--cert-dir',
        'certs',
        '--creds',
        creds,
        `docker://${registry.host}/acme/web`,
      );
      expect(JSON.parse(listed)).toMatchObject({ Tags: ['latest'] });
      const inspected = await skopeo(
        'inspect',
        '--raw',
        '--cert-dir',
        'certs',
        '--creds',
        creds,
        `docker://${registry.host}/acme/web:latest`,
      );
      expect(parseImageManifest(Buffer.from(inspected), 'acme/web').layers[0]?.digest).toBe(
        digestOf(image.layer),
      );
    },
  );

  peerTest(['skopeo'], 'is refused without credentials', async () => {
    await expect(
      skopeo('inspect', '--cert-dir', 'certs', `docker://${registry.host}/acme/web:latest`),
    ).rejects.toThrow(/authentication required|unauthorized/);
  });
});
