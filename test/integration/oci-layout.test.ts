import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { OciLayout, ociManifestType, type Descriptor } from '../../cloud-sync/oci/index.ts';
import { digestOf } from '../../lib/digest.ts';

let folder: string;
let layout: OciLayout;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-layout-'));
  layout = await OciLayout.open(folder);
});
afterEach(() => rm(folder, { recursive: true }));

const hello = Buffer.from('hello');
const digest = digestOf(hello);
const descriptor = (text: string): Descriptor => ({
  mediaType: ociManifestType,
  digest: digestOf(text),
  size: text.length,
});

describe('layout', () => {
  test('has the files that the image specification asks for', async () => {
    expect(JSON.parse(await readFile(join(folder, 'oci-layout'), 'utf8'))).toEqual({
      imageLayoutVersion: '1.0.0',
    });
    expect(JSON.parse(await readFile(join(folder, 'index.json'), 'utf8'))).toMatchObject({
      schemaVersion: 2,
      manifests: [],
    });
    await layout.writeBlob(digest, hello);
    expect(await readFile(join(folder, 'blobs', 'sha256', digest.slice(7)))).toEqual(hello);
  });

  test('gives back blobs and names over a restart [G1]', async () => {
    await layout.writeBlob(digest, hello);
    await layout.tag('v1', descriptor('one'));
    layout = await OciLayout.open(folder);
    expect(await layout.read(digest, 5)).toEqual(hello);
    expect(await layout.digests()).toEqual(new Set([digest]));
    expect(layout.resolve('v1')?.digest).toBe(digestOf('one'));
    expect(layout.resolve('v2')).toBeUndefined();
  });

  test('moves a name, keeps every name that is written at the same time, and forgets those of a removed blob', async () => {
    await Promise.all(['a', 'b', 'c', 'd'].map((name) => layout.tag(name, descriptor(name))));
    await layout.tag('a', descriptor('d'));
    layout = await OciLayout.open(folder);
    expect(['a', 'b', 'c', 'd'].map((name) => layout.resolve(name)?.digest)).toEqual(
      ['d', 'b', 'c', 'd'].map((text) => digestOf(text)),
    );
    await layout.remove(digestOf('d'));
    expect([layout.resolve('a'), layout.resolve('d')]).toEqual([undefined, undefined]);
    expect(layout.resolve('b')).toBeDefined();
  });

  test('detects every flipped bit of a blob, and a cut one [G8]', async () => {
    await layout.writeBlob(digest, hello);
    const corrupt = expect.objectContaining({ code: 'corrupt' });
    for (let bit = 0; bit < hello.length * 8; bit++) {
      const flipped = Buffer.from(hello);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      await writeFile(layout.path(digest), flipped);
      await expect(layout.read(digest, 100)).rejects.toThrow(corrupt);
    }
    await writeFile(layout.path(digest), 'hell');
    await expect(layout.read(digest, 100)).rejects.toThrow(corrupt);
    expect(await layout.isWhole(digest)).toBe(false);

    await layout.writeBlob(digest, hello);
    expect(await layout.isWhole(digest)).toBe(true);
    expect(await layout.read(digest, 100)).toEqual(hello);
  });

  test('says what is absent or larger than asked for', async () => {
    await layout.writeBlob(digest, hello);
    await expect(layout.read(digest, 4)).rejects.toThrow(expect.objectContaining({ code: 'tooLarge' }));
    await expect(layout.read(digestOf('absent'), 4)).rejects.toThrow(
      expect.objectContaining({ code: 'notFound' }),
    );
    expect(await layout.has(digestOf('absent'))).toBe(false);
    expect(await layout.isWhole(digestOf('absent'))).toBe(false);
  });

  test('sets a broken index aside where it may: names are lost, blobs are not', async () => {
    await layout.writeBlob(digest, hello);
    await writeFile(join(folder, 'index.json'), '{"schemaVer');
    const told: string[] = [];
    layout = await OciLayout.open(folder, { onSetAside: (path) => told.push(path) });
    expect(told).toEqual([join(folder, 'index.json.broken')]);
    expect(await layout.read(digest, 100)).toEqual(hello);
    expect(layout.resolve('v1')).toBeUndefined();
    expect(await readFile(join(folder, 'index.json.broken'), 'utf8')).toBe('{"schemaVer');
  });

  test('leaves a folder alone whose index.json is something else', async () => {
    const other = join(folder, 'website');
    await mkdir(other);
    await writeFile(join(other, 'index.json'), '{"pages": []}');
    await expect(OciLayout.open(other)).rejects.toMatchObject({
      code: 'corrupt',
      message: `${join(other, 'index.json')} is no index of an OCI image layout`,
    });
    expect(await readdir(other)).toEqual(['index.json']);
    expect(await readFile(join(other, 'index.json'), 'utf8')).toBe('{"pages": []}');
  });
});

describe('blob writer', () => {
  test('goes on from what an interrupted attempt wrote, over a restart', async () => {
    {
      await using writer = await layout.createBlobWriter({ digest, size: 5 });
      await writer.write(Buffer.from('hel'));
    }
    layout = await OciLayout.open(folder);
    await using writer = await layout.createBlobWriter({ digest, size: 5 });
    expect(writer.bytesWritten).toBe(3);
    await writer.write(Buffer.from('lo'));
    await writer.commit();
    expect(await layout.read(digest, 100)).toEqual(hello);
  });

  test.each([
    ['sizeMismatch', 'hello!'],
    ['sizeMismatch', 'hell'],
    ['digestMismatch', 'hallo'],
  ])('refuses with %s the bytes %j and keeps nothing of them', async (code, text) => {
    await expect(
      (async () => {
        await using writer = await layout.createBlobWriter({ digest, size: 5 });
        await writer.write(Buffer.from(text));
        await writer.commit();
      })(),
    ).rejects.toThrow(expect.objectContaining({ code }));
    expect(await layout.has(digest)).toBe(false);
    expect(await readdir(join(folder, '.partial'))).toEqual([]);
  });

  test('does not resume from a part that is longer than the blob', async () => {
    await writeFile(join(folder, '.partial', `${digest.slice(7)}.part`), 'much too long');
    await using writer = await layout.createBlobWriter({ digest, size: 5 });
    expect(writer.bytesWritten).toBe(0);
  });

  test('of a blob that another is writing works beside it', async () => {
    await using first = await layout.createBlobWriter({ digest, size: 5 });
    await first.write(Buffer.from('hel'));
    await using second = await layout.createBlobWriter({ digest, size: 5 });
    await second.write(hello);
    await second.commit();
    await first.write(Buffer.from('lo'));
    await first.commit();
    expect(await layout.read(digest, 100)).toEqual(hello);
  });

  test('leaves parts for a week, no longer, and files of no use not at all', async () => {
    const old = new Date(Date.now() - 8 * 86_400_000);
    const partial = join(folder, '.partial');
    await writeFile(join(partial, 'old.part'), '');
    await utimes(join(partial, 'old.part'), old, old);
    await writeFile(join(partial, 'new.part'), '');
    await writeFile(join(partial, 'left.tmp'), '');
    await OciLayout.open(folder);
    expect(await readdir(partial)).toEqual(['new.part']);
  });
});
