import { execFile } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import {
  cp,
  chmod,
  link,
  mkdir,
  mkdtemp,
  open,
  readFile,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { zstdDecompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { buildImage, type BuildRequest, type BuiltImage } from '../../cloud-sync/oci/image/build-image.ts';
import { pushImage } from '../../cloud-sync/oci/image/push-image.ts';
import { OciLayout, RegistryClient } from '../../cloud-sync/oci/index.ts';
import { chunkHash, readChunkTable, type LayerChunk } from '../../cloud-sync/oci/layer/chunk-table.ts';
import { digestOf } from '../../lib/digest.ts';
import { createHttpsClient } from '../../lib/https-client.ts';
import { openPosix } from '../../lib/posix.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { peerTest } from '../support/peers.ts';
import { credentials, startRegistry } from '../support/registry-server.ts';

const run = promisify(execFile);
const { signal } = new AbortController();
const amd64 = { os: 'linux', architecture: 'amd64' };
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-build-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** The same at every run, and nothing that compresses. */
function noise(length: number, seed: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16)).update(Buffer.alloc(length));
}

const long = 'a-name-that-no-header-of-an-archive-has-room-for-'.repeat(4);

async function makeTree(name = 'tree'): Promise<string> {
  const tree = join(folder, name);
  await mkdir(join(tree, 'app', long), { recursive: true });
  await mkdir(join(tree, 'bin'));
  await mkdir(join(tree, 'tmp'));
  await chmod(join(tree, 'tmp'), 0o1777);
  await writeFile(join(tree, 'bin', 'tool'), noise(600_000, 1), { mode: 0o700 });
  await writeFile(join(tree, 'app', 'server.mjs'), 'console.log(1);\n', { mode: 0o600 });
  await writeFile(join(tree, 'app', long, 'größe.txt'), 'ü');
  await symlink('../bin/tool', join(tree, 'app', 'tool'));
  await link(join(tree, 'bin', 'tool'), join(tree, 'bin', 'twin'));
  return tree;
}

async function build(
  tree: string,
  out: string,
  more: Partial<BuildRequest> = {},
): Promise<BuiltImage & { readonly layout: OciLayout }> {
  const layout = await OciLayout.open(join(folder, out));
  const request = { folder: tree, layout, platform: amd64, settings: { entrypoint: ['/bin/tool'] }, signal };
  const built = await buildImage({ ...request, ...more });
  await layout.tag('v1', built.descriptor);
  return { ...built, layout };
}

async function layerBlob({ layout, layers }: Awaited<ReturnType<typeof build>>, at = 0): Promise<Buffer> {
  return readFile(layout.path(layers[at]!.descriptor.digest));
}

async function chunksOf({ layout, layers }: Awaited<ReturnType<typeof build>>): Promise<LayerChunk[]> {
  await using file = await open(layout.path(layers[0]!.descriptor.digest));
  return (await readChunkTable(file)) ?? [];
}

describe('an image of a folder', () => {
  test('has the digest of any equal tree: times, owners, umask and the order of its making do not count', async () => {
    const tree = await makeTree();
    const copy = join(folder, 'copy');
    await mkdir(copy, { mode: 0o700 });
    for (const name of ['tmp', 'bin']) await cp(join(tree, name), join(copy, name), { recursive: true });
    await cp(join(tree, 'app'), join(copy, 'app'), { recursive: true, verbatimSymlinks: true });
    await chmod(join(copy, 'tmp'), 0o1777);
    await rm(join(copy, 'bin', 'twin'));
    await link(join(copy, 'bin', 'tool'), join(copy, 'bin', 'twin'));
    await chmod(join(copy, 'bin', 'tool'), 0o775);
    await chmod(join(copy, 'app', 'server.mjs'), 0o664);
    await utimes(join(copy, 'app', 'server.mjs'), 1e9, 1e9);

    const [one, other] = [await build(tree, 'one'), await build(copy, 'other')];

    expect(other.descriptor).toEqual(one.descriptor);
    await chmod(join(copy, 'app', 'server.mjs'), 0o744);
    expect((await build(copy, 'third')).descriptor.digest).not.toBe(one.descriptor.digest);
  });

  test('is a layer of independent zstd frames, which its table finds again', async () => {
    const built = await build(await makeTree(), 'out');
    const [blob, chunks] = [await layerBlob(built), await chunksOf(built)];

    const plain = zstdDecompressSync(blob);
    expect(digestOf(plain)).toBe(built.layers[0]!.diffId);
    expect(plain.byteLength).toBe(chunks.reduce((sum, { plainBytes }) => sum + plainBytes, 0));
    const frames = chunks.map(({ offset, frameBytes }) => blob.subarray(offset, offset + frameBytes));
    expect(frames.map((frame) => chunkHash(frame))).toEqual(chunks.map(({ hash }) => hash));
    expect(Buffer.concat(frames.map((frame) => zstdDecompressSync(frame))).equals(plain)).toBe(true);
  });

  test('shares all chunks but a few with the image of a tree in which little changed', async () => {
    const tree = await makeTree();
    const before = await build(tree, 'before');
    const tool = noise(600_000, 1);
    await writeFile(
      join(tree, 'bin', 'tool'),
      Buffer.concat([tool.subarray(0, 300_000), noise(99, 2), tool.subarray(300_000)]),
    );
    await writeFile(join(tree, 'app', 'added.txt'), 'new');
    const after = await build(tree, 'after');

    const known = new Set((await chunksOf(before)).map(({ hash }) => hash));
    const chunks = await chunksOf(after);
    const lacking = chunks.filter(({ hash }) => !known.has(hash));
    const bytes = (some: readonly LayerChunk[]) => some.reduce((sum, { frameBytes }) => sum + frameBytes, 0);
    expect(bytes(lacking)).toBeLessThan(bytes(chunks) / 3);
    expect(bytes(lacking)).toBeGreaterThan(0);
  });

  test('has folders that rarely change in layers of their own, below the rest', async () => {
    const tree = await makeTree();
    const before = await build(tree, 'out', { layers: ['bin'] });
    await writeFile(join(tree, 'app', 'server.mjs'), 'console.log(2);\n');
    const after = await build(tree, 'out', { layers: ['bin'] });

    expect(before.layers).toHaveLength(2);
    expect(after.layers[0]).toEqual(before.layers[0]);
    expect(after.layers[1]!.diffId).not.toBe(before.layers[1]!.diffId);
  });

  test('leaves out what is excluded, and names what no image can hold', async () => {
    const tree = await makeTree();
    await run('mkfifo', [join(tree, 'app', 'pipe')]);
    const built = await build(tree, 'out', { excludes: ['/bin', '*.mjs'] });

    const names = await namesIn(built);
    expect(names.filter((name) => /^bin|mjs$|pipe$/.test(name))).toEqual([]);
    expect(names).toContain('app/tool');
    expect(built.skipped).toEqual(['app/pipe']);
  });

  test('names attributes whose names no image can hold, and keeps the others', async () => {
    const posix = openPosix();
    if (posix === undefined) return;
    const [tree, plain] = [await makeTree(), await makeTree('plain')];
    const odd = Buffer.concat([Buffer.from('user.note'), Buffer.from([0xff])]);
    posix.setAttribute(join(tree, 'app', 'server.mjs'), odd, Buffer.from('odd'));
    for (const one of [tree, plain])
      posix.setAttribute(join(one, 'app', 'server.mjs'), 'user.plain', Buffer.from('kept'));
    const built = await build(tree, 'out');
    expect(built.lostAttributes).toEqual([{ path: 'app/server.mjs', name: 'user.note\\xff' }]);
    expect(built.descriptor.digest).toBe((await build(plain, 'other')).descriptor.digest);
  });

  test('is not built of a name that would take files away, and leaves nothing behind', async () => {
    const tree = await makeTree();
    await writeFile(join(tree, 'app', '.wh.server.mjs'), '');

    await expect(build(tree, 'out')).rejects.toMatchObject({ code: 'badImage' });
    expect(await (await OciLayout.open(join(folder, 'out'))).digests()).toEqual(new Set());
    await expect(build(join(folder, 'nowhere'), 'out')).rejects.toMatchObject({ code: 'notFound' });
    await expect(build(tree, 'out', { layers: ['nowhere'] })).rejects.toMatchObject({ code: 'notFound' });
  });

  test('ends at once when it is interrupted, with nothing behind', async () => {
    const aborted = AbortSignal.abort();
    await expect(build(await makeTree(), 'out', { signal: aborted })).rejects.toThrow();
    expect(await (await OciLayout.open(join(folder, 'out'))).digests()).toEqual(new Set());
  });
});

async function namesIn(built: Awaited<ReturnType<typeof build>>): Promise<string[]> {
  const path = join(folder, 'layer.tar');
  await writeFile(path, zstdDecompressSync(await layerBlob(built)));
  const { stdout } = await run('tar', ['tf', path]);
  return stdout.split('\n');
}

describe('other programs', () => {
  peerTest(['zstd', 'tar'], 'unpack the layer as any tar+zstd [G10]', async () => {
    const tree = await makeTree();
    openPosix()?.setAttribute(join(tree, 'app', 'server.mjs'), 'user.note', Buffer.from('kept'));
    const built = await build(tree, 'out', { sourceDateSeconds: 1_700_000_000 });
    const target = join(folder, 'unpacked');
    await mkdir(target);
    const blob = built.layout.path(built.layers[0]!.descriptor.digest);
    const { stdout } = await run('tar', ['--zstd', '-xpvvf', blob, '-C', target, '--xattrs'], {
      env: { ...process.env, TZ: 'UTC' },
    });

    await run('diff', ['-r', '--no-dereference', tree, target]);
    expect(stdout).toMatch(/^-rw-r--r--\*? +0\/0 +16 2023-11-14 22:13 app\/server\.mjs$/m);
    expect(stdout).toMatch(/^drwxrwxrwt +0\/0 +0 2023-11-14 22:13 tmp\/$/m);
    expect(stdout).toMatch(/^hrwxr-xr-x +0\/0 .* bin\/twin link to bin\/tool$/m);
    const note = openPosix()
      ?.getAttribute(join(target, 'app', 'server.mjs'), 'user.note')
      .toString();
    expect(note).toBe(openPosix() && 'kept');
  });

  peerTest(['umoci'], 'umoci unpacks an image with gzip layers to the tree that went in [G10]', async () => {
    const tree = await makeTree();
    await build(tree, 'out', { compression: 'gzip', layers: ['bin'] });
    const rootless = process.getuid?.() === 0 ? [] : ['--rootless'];
    await run('umoci', [
      'unpack',
      ...rootless,
      '--image',
      `${join(folder, 'out')}:v1`,
      join(folder, 'bundle'),
    ]);
    await run('diff', ['-r', '--no-dereference', tree, join(folder, 'bundle', 'rootfs')]);
  });

  peerTest(
    ['skopeo'],
    'skopeo copies what we pushed, and we push what skopeo copied, digests unchanged [G10]',
    async () => {
      await using registry = await startRegistry();
      const { descriptor, layout } = await build(await makeTree(), 'out');
      const { digest } = descriptor;
      const client = registry.client();
      const push = { client, repository: 'acme/web', signal };
      await mkdir(join(folder, 'certs'));
      await writeFile(join(folder, 'certs', 'ca.crt'), registry.caPem);
      const from = [
        '--src-cert-dir',
        join(folder, 'certs'),
        '--src-creds',
        `${credentials.username}:${credentials.password}`,
      ];

      const sent = await pushImage({ ...push, layout, digest, tag: 'v1' });
      expect(sent).toMatchObject({ digest, bytesSent: sent.bytesTotal });
      const copy = join(folder, 'copied');
      await run('skopeo', [
        '--insecure-policy',
        'copy',
        ...from,
        `docker://${registry.host}/acme/web:v1`,
        `oci:${copy}:v1`,
      ]);

      const copied = await OciLayout.open(copy);
      expect(copied.resolve('v1')?.digest).toBe(digest);
      const again = await pushImage({ ...push, layout: copied, digest, tag: 'v2' });
      expect(again).toMatchObject({ digest, bytesSent: 0 });
      expect((await client.resolveTag('acme/web', 'v2', { signal })).digest).toBe(digest);
    },
  );

  peerTest(
    ['skopeo', 'docker-registry'],
    'skopeo copies a layout that we built into a registry of others, from where we fetch the same [G10]',
    async () => {
      await using registry = await startDockerRegistry();
      const { descriptor } = await build(await makeTree(), 'out', { layers: ['bin'] });
      const to = `docker://${registry.host}/acme/web:v1`;
      const from = `oci:${join(folder, 'out')}:v1`;
      await run('skopeo', ['--insecure-policy', 'copy', '--dest-tls-verify=false', from, to]);

      await using http = createHttpsClient();
      const client = new RegistryClient({ http, registryUrl: `http://${registry.host}` });
      expect((await client.resolveTag('acme/web', 'v1', { signal })).digest).toBe(descriptor.digest);
      const inspected = await run('skopeo', ['inspect', '--tls-verify=false', to]);
      expect(JSON.parse(inspected.stdout)).toMatchObject({
        Digest: descriptor.digest,
        Architecture: 'amd64',
      });
    },
  );
});

describe('pushing an image', () => {
  test('refuses a damaged blob of the layout before anything names it', async () => {
    await using registry = await startRegistry();
    const { descriptor, layout, layers } = await build(await makeTree(), 'out');
    const path = layout.path(layers[0]!.descriptor.digest);
    const bytes = await readFile(path);
    bytes[1000]! ^= 1;
    await writeFile(path, bytes);
    const push = { client: registry.client(), repository: 'acme/web', tag: 'v1', signal };

    await expect(pushImage({ ...push, layout, digest: descriptor.digest })).rejects.toMatchObject({
      code: 'corrupt',
    });
    await expect(push.client.resolveTag('acme/web', 'v1', { signal })).rejects.toMatchObject({
      code: 'notFound',
    });
  });

  test('sends an index with the images of every platform', async () => {
    await using registry = await startRegistry();
    const tree = await makeTree();
    const one = await build(tree, 'out');
    const other = await build(tree, 'out', {
      platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
    });
    const index = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.index.v1+json',
        manifests: [one.descriptor, other.descriptor],
      }),
    );
    const digest = digestOf(index);
    await one.layout.writeBlob(digest, index);
    const client = registry.client();
    await pushImage({ client, layout: one.layout, repository: 'acme/web', tag: 'all', digest, signal });

    expect((await client.resolveTag('acme/web', 'all', { signal })).digest).toBe(digest);
    const { bytes } = await client.pullManifest('acme/web', other.descriptor.digest, { signal });
    expect(digestOf(bytes)).toBe(other.descriptor.digest);
  });
});
