import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { fetchArtifact, OciLayout, ociIndexType, pushArtifact } from '../../cloud-sync/oci/index.ts';
import { digestOf, type Digest } from '../../lib/digest.ts';
import { sampleArtifact } from '../support/artifacts.ts';
import { startRegistry, type TestRegistry } from '../support/registry-server.ts';

const { signal } = new AbortController();
const repository = 'functions/to-celsius';
const limits = { manifestBytes: 65_536, totalBytes: 32 * 2 ** 20 };
let registry: TestRegistry;
let folder: string;
let layout: OciLayout;

beforeEach(async () => {
  registry = await startRegistry();
  folder = await mkdtemp(join(tmpdir(), 'holdfast-artifacts-'));
  layout = await OciLayout.open(folder);
});
afterEach(async () => {
  await registry[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

type Artifact = ReturnType<typeof largeArtifact>;
const push = (artifact: Artifact = sampleArtifact()) =>
  pushArtifact({ client: registry.client(), repository, tag: 'v1', signal, ...artifact });
const fetch = (digest: Digest, more: Partial<Parameters<typeof fetchArtifact>[0]> = {}) =>
  fetchArtifact({ clients: [registry.client()], layout, repository, digest, limits, signal, ...more });

/** An artifact with one layer of these bytes. */
function largeArtifact(bytes: Uint8Array) {
  const config = Buffer.from('{}');
  const of = (part: Uint8Array) => ({ mediaType: 'x/y', digest: digestOf(part), size: part.byteLength });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: of(config),
      layers: [of(bytes)],
    }),
  );
  const blobs = [config, bytes].map((part) => ({ digest: digestOf(part), bytes: part }));
  return { manifest, digest: digestOf(manifest), blobs };
}

describe('an artifact', () => {
  test('that was pushed is resolved by its tag and fetched whole, with progress to the end', async () => {
    const artifact = sampleArtifact();
    const pushed: [number, number][] = [];
    const answer = await pushArtifact({
      client: registry.client(),
      repository,
      tag: 'v1',
      signal,
      onProgress: (done, total) => pushed.push([done, total]),
      ...artifact,
    });
    expect(answer.digest).toBe(artifact.digest);
    expect(pushed.at(-1)![0]).toBe(pushed.at(-1)![1]);

    const resolved = await registry.client().resolveTag(repository, 'v1', { signal });
    expect(resolved).toEqual(answer);

    const fetched: [number, number][] = [];
    const { manifest } = await fetch(resolved.digest, { onProgress: (...at) => fetched.push(at) });
    expect(manifest.artifactType).toBe('application/vnd.holdfast.function.v1');
    expect(fetched.at(-1)![0]).toBe(fetched.at(-1)![1]);
    for (const { digest, bytes } of artifact.blobs) {
      expect(Buffer.compare(await layout.read(digest, 1e6), bytes)).toBe(0);
    }
  });

  test('larger than one piece travels in pieces, up and down', async () => {
    const artifact = largeArtifact(randomBytes(17 * 2 ** 20));
    await push(artifact);
    await fetch(artifact.digest);
    expect(await layout.isWhole(artifact.blobs[1]!.digest)).toBe(true);
  });

  test('that is here already needs no registry', async () => {
    const { digest } = await push();
    await fetch(digest);
    await registry[Symbol.asyncDispose]();
    await fetch(digest);
    registry = await startRegistry();
  });

  test('one of whose blobs was damaged on disk is made whole again [G8]', async () => {
    const artifact = sampleArtifact();
    await push(artifact);
    await fetch(artifact.digest);
    const { digest, bytes } = artifact.blobs[1]!;
    await writeFile(layout.path(digest), Buffer.alloc(bytes.byteLength));
    await fetch(artifact.digest);
    expect(Buffer.compare(await layout.read(digest, 1e6), bytes)).toBe(0);
  });

  test('that nobody pushed is called by its name', async () => {
    const digest = digestOf('absent');
    await expect(fetch(digest)).rejects.toThrow(
      expect.objectContaining({
        code: 'notFound',
        message: expect.stringContaining(`${repository}@${digest}`),
      }),
    );
  });

  test('larger than allowed is refused before its blobs are fetched', async () => {
    const artifact = largeArtifact(randomBytes(100_000));
    await push(artifact);
    await expect(fetch(artifact.digest, { limits: { ...limits, totalBytes: 99_999 } })).rejects.toThrow(
      expect.objectContaining({ code: 'tooLarge' }),
    );
    await expect(fetch(artifact.digest, { limits: { ...limits, manifestBytes: 100 } })).rejects.toThrow(
      expect.objectContaining({ code: 'tooLarge' }),
    );
    expect([...(await layout.digests())]).toEqual([artifact.digest]);
  });

  test('whose stored bytes were damaged in the registry is refused, and what was whole stays [G8]', async () => {
    const artifact = sampleArtifact();
    await push(artifact);
    const { digest, bytes } = artifact.blobs[1]!;
    const stored = join(registry.folder, 'registry', 'blobs', 'sha256', digest.slice(7));
    await writeFile(stored, Buffer.alloc(bytes.byteLength));
    await expect(fetch(artifact.digest, { concurrency: 1 })).rejects.toThrow(
      expect.objectContaining({ code: 'digestMismatch' }),
    );
    expect(await layout.has(digest)).toBe(false);
    expect(await readdir(join(folder, '.partial'))).toEqual([]);
    expect(await layout.has(artifact.blobs[0]!.digest)).toBe(true);
  });

  test('that is an index of several platforms is told from one image', async () => {
    const { digest, manifest } = sampleArtifact();
    await push();
    const index = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: ociIndexType,
        manifests: [
          {
            mediaType: 'application/vnd.oci.image.manifest.v1+json',
            digest,
            size: manifest.byteLength,
          },
        ],
      }),
    );
    const pushed = await registry
      .client()
      .pushManifest({ repository, reference: 'all', bytes: index, mediaType: ociIndexType }, { signal });
    await expect(fetch(pushed.digest)).rejects.toThrow(
      expect.objectContaining({
        code: 'badAnswer',
        message: expect.stringContaining('several platforms'),
      }),
    );
  });

  test('is not pushed when a blob is not what its digest says', async () => {
    const { blobs, ...artifact } = sampleArtifact();
    const wrong = blobs.map((blob) => ({ ...blob, bytes: Buffer.from('other') }));
    await expect(push({ ...artifact, blobs: wrong })).rejects.toThrow(
      expect.objectContaining({ code: 'digestMismatch' }),
    );
  });

  test('fetch that is aborted rejects as aborted', async () => {
    const { digest } = await push();
    await expect(fetch(digest, { signal: AbortSignal.abort() })).rejects.toThrow(
      expect.objectContaining({ name: 'AbortError' }),
    );
  });

  test('push with other credentials is refused with what to do', async () => {
    const client = registry.client({ credentials: { kind: 'bearer', token: 'device' } });
    await expect(
      pushArtifact({ client, repository, tag: 'v1', signal, ...sampleArtifact() }),
    ).rejects.toThrow(expect.objectContaining({ code: 'forbidden', transient: false }));
    const stranger = registry.client({ credentials: { kind: 'bearer', token: 'nobody' } });
    await expect(stranger.resolveTag(repository, 'v1', { signal })).rejects.toThrow(
      expect.objectContaining({ code: 'unauthorized', transient: false }),
    );
  });
});
