import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chainIds } from '../../agent/apps/store/chain-id.ts';
import type { StoreLayer } from '../../agent/apps/store/job-protocol.ts';
import { createStoreJob } from '../../agent/apps/store/make-job.ts';
import { makeTree } from '../../agent/apps/store/make-trees.ts';
import { tarFields, tarTypes } from '../../cloud-sync/oci/layer/tar-format.ts';
import { digestOf } from '../../lib/digest.ts';
import { silentLogger } from '../../lib/logger.ts';
import { describeTree } from '../support/describe-tree.ts';
import { layerOf, type HandMadeLayer } from '../support/hand-made-image.ts';
import { tarOf, type TarMember } from '../support/tar.ts';

/** Layers that nobody makes for a good reason. What lies outside of the tree stays as it is, and nothing of a refused layer is kept. */

const good: TarMember = { path: 'good', content: 'good' };
const link = (path: string, linkTarget: string): TarMember => ({ path, linkTarget, type: tarTypes.symlink });
const hardLink = (path: string, linkTarget: string): TarMember => ({
  path,
  linkTarget,
  type: tarTypes.hardLink,
});
const zeros = Buffer.alloc(64 * 2 ** 20);
const goodTar = tarOf([good]);
const zerosTar = tarOf([{ path: 'zeros', content: zeros }]);

function field(path: string, name: keyof typeof tarFields, bytes: Buffer | string): TarMember {
  const spoil = (header: Buffer): void => {
    const { at, bytes: length } = tarFields[name];
    header.fill(0, at, at + length);
    Buffer.from(bytes).copy(header, at, 0, length);
    header.write(`${sumOf(header).toString(8).padStart(6, '0')}\0 `, tarFields.checksum.at, 'latin1');
  };
  return { path, content: 'x', spoil };
}

function sumOf(header: Buffer): number {
  const { at, bytes } = tarFields.checksum;
  return header.reduce((sum, byte, index) => sum + (index >= at && index < at + bytes ? 32 : byte), 0);
}

const packed = (blob: Buffer, mediaType: string, tar: Buffer): HandMadeLayer => ({
  ...{ blob, diffId: digestOf(tar) },
  mediaType: `application/vnd.oci.image.layer.v1.tar${mediaType}`,
});

const refused: Record<string, readonly TarMember[] | Buffer | HandMadeLayer> = {
  'climbs out': [good, { path: '../escaped', content: 'x' }],
  'climbs out further down': [good, { path: 'a/b/../../../escaped', content: 'x' }],
  'is the folder above': [{ path: '..', type: tarTypes.folder }],
  'is absolute': [{ path: '/tmp/escaped', content: 'x' }],
  'is absolute by a PAX record': [{ path: 'x', pax: { path: '/tmp/escaped' } }],
  'has a NUL in its name': [{ path: 'x', pax: { path: 'a\0b' } }],
  'has no name': [{ path: '' }],
  'hides the folder above': [good, { path: '.wh...' }],
  'hides its own folder': [good, { path: 'a/.wh..' }],
  'hides nothing': [good, { path: '.wh.' }],
  'lies in a whiteout': [good, { path: '.wh.a/b', content: 'x' }],
  'is a hard link to a file outside': [hardLink('stolen', '../outside/secret')],
  'is a hard link to an absolute path': [hardLink('stolen', '/etc/passwd')],
  'is a hard link by way of a link that leads out': [
    link('way', '../../outside'),
    hardLink('stolen', 'way/secret'),
  ],
  'is a hard link to a folder': [{ path: 'a', type: tarTypes.folder }, hardLink('b', 'a')],
  'is a hard link that takes the place of its file': [{ path: 'a/b', content: 'x' }, hardLink('a', 'a/b')],
  'is a character device': [{ path: 'null', type: tarTypes.characterDevice }],
  'is a block device': [{ path: 'disk', type: tarTypes.blockDevice }],
  'leads through a file': [good, { path: 'good/inside', content: 'x' }],
  'leads round in a circle': [link('a', 'b'), link('b', 'a'), { path: 'a/x', content: 'x' }],
  'has too long a name': [{ path: 'x', pax: { path: 'n'.repeat(256) } }],
  'has too long a path': [{ path: 'x', pax: { path: 'n/'.repeat(3000) } }],
  'lies too deep': [{ path: 'x', pax: { path: 'd/'.repeat(300) } }],
  'has a name that is no text': [{ path: Buffer.from([0x66, 0xff, 0xfe]) }],
  'is sparse': [{ path: 'holes', type: tarTypes.gnuSparse }],
  'is sparse by a PAX record': [{ path: 'holes', pax: { 'GNU.sparse.major': '1' } }],
  'is of a type that there is not': [{ path: 'x', type: 'V' }],
  'has no root folder': [{ path: './', content: 'x' }],
  'leads overlayfs elsewhere': [{ path: 'x', attributes: { 'trusted.overlay.redirect': '/etc' } }],
  'has an owner that means none': [{ path: 'x', pax: { uid: '4294967295' } }],
  'has a size below zero': [field('x', 'size', Buffer.alloc(12, 0xff))],
  'has a size beyond all numbers': [field('x', 'size', Buffer.from([0x80, ...Buffer.alloc(11, 0xff)]))],
  'has a size that is no number': [field('x', 'size', '99999999')],
  'has a time that is none': [{ path: 'x', pax: { mtime: 'soon' } }],
  'has a damaged header': [{ ...good, spoil: (header) => header.write('tampered') }],
  'is cut short': tarOf([{ path: 'x', content: 'y', size: 5000 }], { end: false }),
  'is cut in its header': goodTar.subarray(0, 300),
  'has something behind one block of zeros': Buffer.concat([goodTar.subarray(0, 1536), goodTar]),
  'has a PAX record that lies of its length': [{ path: 'p', type: tarTypes.pax, content: '999 a=b\n' }, good],
  'has a PAX record without an end': [{ path: 'p', type: tarTypes.pax, content: '6 a=b' }, good],
  'has a PAX header for nothing': [{ path: 'p', type: tarTypes.pax, content: '6 a=b\n' }],
  'has a huge PAX header': [{ path: 'p', type: tarTypes.pax, content: zeros.subarray(0, 2 ** 21) }, good],
  'has headers without end': Array.from({ length: 100 }, () => ({
    path: 'p',
    type: tarTypes.gnuLongName,
    content: 'x',
  })),
  'is no gzip': packed(goodTar, '+gzip', goodTar),
  'is no zstd': packed(goodTar, '+zstd', goodTar),
  'is a gzip cut short': packed(gzipSync(goodTar).subarray(0, -9), '+gzip', goodTar),
  'is a zstd cut short': packed(zstdCompressSync(goodTar).subarray(0, -3), '+zstd', goodTar),
  'is a bomb of gzip': packed(gzipSync(zerosTar), '+gzip', zerosTar),
  'is a bomb of zstd': layerOf([{ path: 'zeros', content: zeros }], 'zstd'),
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-hostile-'));
  for (const name of ['images', 'outside']) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'outside', 'secret'), 'secret');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** An image of these layers, in the hands of what makes trees. */
function stored(layers: readonly HandMadeLayer[]): StoreLayer[] {
  const chain = chainIds(layers.map(({ diffId }) => diffId));
  return layers.map(({ blob, mediaType, diffId }, at) => {
    const path = join(folder, `blob-${at}`);
    writeFileSync(path, blob);
    return { chainId: chain[at] ?? diffId, diffId, mediaType, digest: digestOf(blob), blob: path };
  });
}

const signal = new AbortController().signal;

describe('a layer is refused as a whole, and nothing of it kept, when an entry', () => {
  test.each(Object.entries(refused))('%s', async (_, what) => {
    const image = { name: 'acme/hostile', layers: stored(['diffId' in what ? what : layerOf(what, 'none')]) };
    const before = describeTree(join(folder, 'outside'));
    const made = makeTree(image, { folder: join(folder, 'images'), logger: silentLogger, signal });
    await expect(made).rejects.toMatchObject({ code: 'badArchive', transient: false });
    expect(readdirSync(join(folder, 'images'))).toEqual([]);
    expect(readdirSync(folder)).toEqual(['blob-0', 'images', 'outside']);
    expect(describeTree(join(folder, 'outside'))).toEqual(before);
  });
});

/** Kept inside the tree; nothing of it is an error. */
const contained: Record<string, (outside: string) => readonly TarMember[]> = {
  'a link to an absolute path': (outside) => [
    link('way', outside),
    { path: 'way/secret', content: 'spoilt' },
  ],
  'a link that climbs': () => [link('way', '../../../outside'), { path: 'way/secret', content: 'spoilt' }],
  'a link to the root': () => [
    link('way', '/'),
    link('way/outside', '..'),
    { path: 'outside/secret', content: 'spoilt' },
  ],
  'a link in place of a folder': (outside) => [
    { path: 'way/below', type: tarTypes.folder, mode: 0o777 },
    { path: 'way/below/x', content: 'x' },
    link('way', outside),
    { path: 'way/secret', content: 'spoilt' },
  ],
  'a link that a file replaces': (outside) => [
    link('secret', `${outside}/secret`),
    { path: 'secret', content: 'spoilt' },
  ],
  'a link that is hidden by what lies behind it': (outside) => [
    link('way', outside),
    { path: 'way/.wh.secret' },
    { path: 'way/.wh..wh..opq' },
  ],
};

describe('nothing outside of a tree is touched by way of', () => {
  test.each(Object.entries(contained))('%s', async (_, membersOf) => {
    const outside = join(folder, 'outside');
    const members = membersOf(outside);
    const before = describeTree(outside);
    // In one layer, and each entry in a layer of its own.
    for (const layers of [[layerOf(members)], members.map((member) => layerOf([member]))]) {
      await makeTree(
        { name: 'acme/hostile', layers: stored(layers) },
        { folder: join(folder, 'images'), logger: silentLogger, signal },
      );
    }
    expect(describeTree(outside)).toEqual(before);
  });
});

describe('the process that unpacks', () => {
  test('tells why a layer is refused and ends', async () => {
    const job = createStoreJob({ logger: silentLogger });
    const images = [
      { name: 'acme/bomb', layers: stored([layerOf([{ path: 'zeros', content: zeros }], 'zstd')]) },
    ];
    const made = job({ kind: 'make', folder: join(folder, 'images'), images }, signal);
    await expect(made).rejects.toMatchObject({
      code: 'badArchive',
      message: expect.stringMatching(/^acme\/bomb .* 1000 times/),
    });
    expect(readdirSync(join(folder, 'images'))).toEqual([]);
  }, 60_000);

  test('tells an image that was built wrongly from a blob that was damaged', async () => {
    const layer = layerOf([good]);
    const job = createStoreJob({ logger: silentLogger });
    const order = (layers: StoreLayer[]) => ({
      kind: 'make' as const,
      folder: join(folder, 'images'),
      images: [{ name: 'acme/web', layers }],
    });
    const wrong = stored([{ ...layer, diffId: digestOf('another') }]);
    await expect(job(order(wrong), signal)).rejects.toMatchObject({ code: 'digestMismatch' });
    const damaged = stored([layer]);
    writeFileSync(join(folder, 'blob-0'), Buffer.from(layer.blob).fill(7, 20, 30));
    await expect(job(order(damaged), signal)).rejects.toMatchObject({ code: 'corrupt' });
    rmSync(join(folder, 'blob-0'));
    await expect(job(order(damaged), signal)).rejects.toMatchObject({ code: 'corrupt' });
    expect(readdirSync(join(folder, 'images'))).toEqual([]);
  }, 60_000);
});
