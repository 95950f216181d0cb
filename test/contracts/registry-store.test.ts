import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  openFolderRegistryStore,
  type RegistryStore,
} from '../../cloud-sync/control-plane/registry/index.ts';
import { digestOf, type Digest } from '../../lib/digest.ts';

type Adapter = {
  /** Opens the store over what the last one of this test left: a restart. */
  readonly open: (folder: string) => Promise<RegistryStore>;
  /** Flips bits of a stored blob. */
  readonly damage: (folder: string, digest: Digest) => Promise<void>;
};

const adapters: Record<string, Adapter> = {
  folder: {
    open: (folder) => openFolderRegistryStore(folder),
    damage: (folder, digest) => writeFile(join(folder, 'blobs', 'sha256', digest.slice(7)), 'damaged'),
  },
};

const mediaType = 'application/vnd.oci.image.manifest.v1+json';
const manifestOf = (text: string) => {
  const bytes = Buffer.from(text);
  return { digest: digestOf(bytes), mediaType, bytes };
};

describe.each(Object.entries(adapters))('registry store: %s', (_, { open, damage }) => {
  let folder: string;
  let store: RegistryStore;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-store-'));
    store = await open(folder);
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function put(text: string): Promise<Digest> {
    await using writer = await store.createBlobWriter({ maxBytes: 1000 });
    await writer.write(Buffer.from(text));
    return await writer.commit(digestOf(text));
  }
  async function read(digest: Digest, range?: { start: number; end: number }): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of store.readBlob(digest, range)) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString();
  }

  test('keeps a committed blob over a restart, whole and in parts [G1]', async () => {
    const digest = await put('hello world');
    store = await open(folder);
    expect(await store.blobSize(digest)).toBe(11);
    expect(await read(digest)).toBe('hello world');
    expect(await read(digest, { start: 6, end: 8 })).toBe('wor');
    expect(await store.blobSize(digestOf('other'))).toBeUndefined();
  });

  test('keeps nothing of a blob that was not committed, was too large, or has another digest', async () => {
    {
      await using dropped = await store.createBlobWriter({ maxBytes: 1000 });
      await dropped.write(Buffer.from('dropped'));
    }
    {
      await using large = await store.createBlobWriter({ maxBytes: 3 });
      await expect(large.write(Buffer.from('large'))).rejects.toThrow(
        expect.objectContaining({ code: 'tooLarge' }),
      );
    }
    {
      await using wrong = await store.createBlobWriter({ maxBytes: 1000 });
      await wrong.write(Buffer.from('wrong'));
      await expect(wrong.commit(digestOf('right'))).rejects.toThrow(
        expect.objectContaining({ code: 'digestMismatch' }),
      );
    }
    for (const text of ['dropped', 'large', 'wrong', 'right']) {
      expect(await store.blobSize(digestOf(text))).toBeUndefined();
    }
  });

  test('finds a manifest by tag and digest, in its own repository only, over a restart [G1]', async () => {
    const manifest = manifestOf('{"a":1}');
    await store.putManifest('acme/web', manifest, 'v1');
    store = await open(folder);
    expect(await store.manifest('acme/web', 'v1')).toEqual(manifest);
    expect(await store.manifest('acme/web', manifest.digest)).toEqual(manifest);
    expect(await store.manifest('acme/web', 'v2')).toBeUndefined();
    expect(await store.manifest('acme/other', manifest.digest)).toBeUndefined();
  });

  test('moves a tag and keeps the older manifest by its digest', async () => {
    const [old, fresh] = [manifestOf('{"a":1}'), manifestOf('{"a":2}')];
    await store.putManifest('acme/web', old, 'latest');
    await store.putManifest('acme/web', fresh, 'latest');
    expect((await store.manifest('acme/web', 'latest'))?.digest).toBe(fresh.digest);
    expect((await store.manifest('acme/web', old.digest))?.digest).toBe(old.digest);
  });

  test('lists tags in order, those with odd endings too, and tells an unknown repository from an untagged one', async () => {
    const manifest = manifestOf('{}');
    for (const tag of ['v2', 'v1.tmp', 'V1', 'v1.json']) await store.putManifest('acme/web', manifest, tag);
    await store.putManifest('acme/untagged', manifest);
    expect(await store.tags('acme/web')).toEqual(['V1', 'v1.json', 'v1.tmp', 'v2']);
    expect(await store.tags('acme/untagged')).toEqual([]);
    expect(await store.tags('acme')).toBeUndefined();
    expect(await store.manifest('acme/web', 'v1.tmp')).toEqual(manifest);
  });

  test('keeps repositories apart whose names lie within each other', async () => {
    await store.putManifest('a', manifestOf('1'), 'x');
    await store.putManifest('a/tags', manifestOf('2'), 'y');
    await store.putManifest('a/manifests', manifestOf('3'), 'z');
    expect(await store.tags('a')).toEqual(['x']);
    expect(await store.tags('a/tags')).toEqual(['y']);
  });

  test('tells a damaged manifest instead of handing it out, and a push heals it [G8]', async () => {
    const manifest = manifestOf('{"a":1}');
    await store.putManifest('acme/web', manifest, 'v1');
    await damage(folder, manifest.digest);
    await expect(store.manifest('acme/web', 'v1')).rejects.toThrow(
      expect.objectContaining({ code: 'corrupt' }),
    );
    await store.putManifest('acme/web', manifest, 'v1');
    expect(await store.manifest('acme/web', 'v1')).toEqual(manifest);
  });

  test('takes the same blob from two writers at a time', async () => {
    const digests = await Promise.all([put('same'), put('same'), put('same')]);
    expect(await read(digests[0])).toBe('same');
    expect((await readdir(join(folder, '.partial'))).length).toBe(0);
  });
});
