import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { applyLayer } from '../../cloud-sync/oci/layer/apply-layer.ts';
import { layerLimits } from '../../cloud-sync/oci/layer/apply-request.ts';
import { tarTypes } from '../../cloud-sync/oci/layer/tar-format.ts';
import { OciLayout } from '../../cloud-sync/oci/index.ts';
import { describeTree } from '../support/describe-tree.ts';
import { layerOf, writeImage, type HandMadeLayer } from '../support/hand-made-image.ts';
import { hasPeer } from '../support/has-peer.ts';
import { tarOf, type TarMember } from '../support/tar.ts';

const run = promisify(execFile);
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-layers-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let trees = 0;
/** The tree of these layers, by us. */
async function apply(layers: readonly HandMadeLayer[]): Promise<string> {
  const rootfs = join(folder, `tree-${(trees += 1)}`);
  mkdirSync(rootfs, { mode: 0o755 });
  for (const { blob, mediaType, diffId } of layers) {
    const path = `${rootfs}.blob`;
    writeFileSync(path, blob);
    const signal = new AbortController().signal;
    await applyLayer({ blob: path, mediaType, diffId, rootfs, limits: layerLimits, signal });
  }
  return rootfs;
}

/** The tree of these layers, by umoci. */
async function unpack(layers: readonly HandMadeLayer[]): Promise<string> {
  const [layout, bundle] = [join(folder, `layout-${(trees += 1)}`), join(folder, `bundle-${trees}`)];
  await writeImage(await OciLayout.open(layout), layers);
  await run('umoci', ['unpack', '--image', `${layout}:made`, bundle], { timeout: 60_000 });
  return join(bundle, 'rootfs');
}

const dir = (path: string, more: Partial<TarMember> = {}): TarMember => ({
  ...{ path, type: tarTypes.folder, mode: 0o755, mtime: 1_500_000_000 },
  ...more,
});
const file = (path: string, more: Partial<TarMember> = {}): TarMember => ({
  ...{ path, content: `content of ${path}`, mtime: 1_600_000_000 },
  ...more,
});
const link = (path: string, linkTarget: string, type: string = tarTypes.symlink): TarMember => ({
  ...{ path, linkTarget, type, mode: 0o777, mtime: 1_400_000_000 },
});
const whiteout = (path: string): TarMember => ({ path, mtime: 1 });

const long = `deep/${'a-long-name-'.repeat(9)}/${'another-'.repeat(12)}`;

const bottom: TarMember[] = [
  dir('./', { mode: 0o751, mtime: 1_000_000_000 }),
  dir('usr', { mtime: 1_100_000_000 }),
  dir('usr/lib', { mtime: 1_200_000_000 }),
  dir('usr/bin/', { uid: 7, gid: 9 }),
  file('usr/bin/su', { mode: 0o4755, content: 'set-uid' }),
  file('usr/bin/wall', { mode: 0o2755, uid: 3, gid: 5 }),
  file('usr/bin/ping', {
    attributes: { 'security.capability': Buffer.from('0100000200200000000000000000000000000000', 'hex') },
  }),
  dir('tmp', { mode: 0o1777 }),
  dir('shared', { mode: 0o2775, gid: 50 }),
  file('shared/inside', { uid: 1, gid: 2 }),
  link('lib', 'usr/lib'),
  link('absolute', '/usr/lib'),
  link('dangling', '../../nowhere/at/all'),
  file('usr/lib/libc.so', { mtime: 1_234_567_890.123_456 }),
  link('usr/lib/libc.so.6', 'usr/lib/libc.so', tarTypes.hardLink),
  link('usr/lib/to-link', 'dangling', tarTypes.hardLink),
  file('attributes', { attributes: { 'user.one': 'a', 'user.two': Buffer.from([0, 255, 61, 10]) } }),
  dir('marked', { attributes: { 'user.folder': 'yes' } }),
  { path: 'pipe', type: tarTypes.fifo, mode: 0o640, mtime: 1_300_000_000 },
  file('empty', { content: '', mode: 0 }),
  file('old', { mtime: -12.5 }),
  file(`${long}/file`),
  link('long-link', `${long}/file`),
  file('größe/naïve ☃', { uid: 3_000_000, pax: { uid: '3000000' } }),
  dir('etc'),
  ...['a', 'b', 'c', 'd'].map((name) => file(`etc/${name}`)),
  dir('var'),
  dir('var/cache'),
  dir('var/cache/deep'),
  ...['one', 'two'].map((name) => file(`var/cache/${name}`)),
  file('var/cache/deep/three'),
  file('becomes-folder'),
  dir('becomes-file'),
  file('becomes-file/inside'),
  dir('becomes-link'),
  file('becomes-link/inside'),
  link('link-becomes-folder', 'etc'),
  file('twice', { content: 'first' }),
  file('twice', { content: 'second', mode: 0o600 }),
  { ...file('oldest'), type: '\0' },
];

const top: TarMember[] = [
  file('lib/foo'),
  file('absolute/bar'),
  whiteout('etc/.wh.a'),
  whiteout('etc/.wh.not-there'),
  file('etc/b', { content: 'another', mode: 0o640 }),
  // The order in a layer does not matter: what it brings stays.
  file('etc/new'),
  whiteout('etc/.wh.new'),
  dir('var/cache', { mode: 0o700, mtime: 1_700_000_000 }),
  file('var/cache/before'),
  whiteout('var/cache/.wh..wh..opq'),
  file('var/cache/deep/after'),
  dir('becomes-folder'),
  file('becomes-folder/inside'),
  file('becomes-file'),
  link('becomes-link', 'etc'),
  dir('link-becomes-folder'),
  file('link-becomes-folder/own'),
  link('linked-below', 'usr/lib/libc.so', tarTypes.hardLink),
  file('usr/bin/wall', { mode: 0o755, content: 'no longer set-gid' }),
  dir('marked', { mode: 0o711, attributes: { 'user.other': 'now' } }),
  whiteout('shared/.wh.inside'),
  whiteout('.wh.tmp'),
];

/**
 * Folders to which umoci gives the hour of unpacking: the root, those that no entry describes, those that are emptied. Ours have the time
 * of their entry, or a fixed one, so that a tree is the same each time.
 */
function foldersOfNow(lines: readonly string[]): string[] {
  const hourAgoNs = BigInt(Date.now() - 3_600_000) * 1_000_000n;
  return lines.flatMap((line) => {
    const [, name = '', time = '0'] = / 4[0-7]{4} /.test(line)
      ? (/^(.*) 4[0-7]{4} [0-9:]+ ([0-9]+)/.exec(line) ?? [])
      : [];
    return BigInt(time) > hourAgoNs ? [name] : [];
  });
}

function without(lines: readonly string[], folders: readonly string[]): string[] {
  const isOne = (line: string, name: string) => line.startsWith(`${name} 4`);
  return lines.map((line) =>
    folders.some((name) => isOne(line, name)) ? line.replace(/( 4[0-7]{4} [0-9:]+) [0-9]+/, '$1 …') : line,
  );
}

async function expectSameTrees(layers: readonly HandMadeLayer[]): Promise<void> {
  const [ours, theirs] = await Promise.all([apply(layers), unpack(layers)]);
  const [ourLines, theirLines] = [describeTree(ours), describeTree(theirs)];
  const folders = foldersOfNow(theirLines);
  expect(folders.length).toBeLessThan(10);
  expect(without(ourLines, folders)).toEqual(without(theirLines, folders));
}

const peers = hasPeer('umoci') && process.geteuid?.() === 0;

describe('a tree of layers', () => {
  const judged = peers ? test : test.skip;

  judged(
    'is the one that umoci unpacks, for entries of every kind',
    () => expectSameTrees([layerOf(bottom)]),
    60_000,
  );

  judged(
    'is the one that umoci unpacks, for whiteouts and what takes the place of another',
    () =>
      expectSameTrees([
        layerOf(bottom),
        layerOf(top),
        layerOf([whiteout('.wh.usr'), file('usr/again')], 'none'),
      ]),
    60_000,
  );

  test('is the same whatever the layer is packed with', async () => {
    const [first, ...others] = await Promise.all([
      apply([layerOf(bottom, 'none')]),
      apply([layerOf(bottom, 'gzip')]),
      apply([layerOf(bottom, 'zstd')]),
      apply([inPieces(layerOf(bottom, 'gzip'), gzipSync)]),
      apply([inPieces(layerOf(bottom, 'zstd'), zstdCompressSync)]),
    ]);
    for (const other of others) expect(describeTree(other)).toEqual(describeTree(first));
  }, 60_000);

  test('takes names of GNU tar and files of the type that nobody uses', async () => {
    const rootfs = await apply([
      layerOf([
        { path: '././@LongLink', type: tarTypes.gnuLongName, content: `${long}/named\0` },
        file('cut'),
        { path: '././@LongLink', type: tarTypes.gnuLongLink, content: `${long}/named\0` },
        link('leads', 'cut'),
        { ...file('contiguous'), type: tarTypes.contiguousFile },
        { path: 'all', type: tarTypes.paxGlobal, content: '20 comment=for all.\n' },
        file('last', { content: 'the end' }),
      ]),
    ]);
    expect(readFileSync(join(rootfs, 'leads'), 'utf8')).toBe('content of cut');
    expect(readFileSync(join(rootfs, 'contiguous'), 'utf8')).toBe('content of contiguous');
    expect(readFileSync(join(rootfs, 'last'), 'utf8')).toBe('the end');
  });

  test('ends when a layer has more than it may have', async () => {
    const layer = layerOf(bottom);
    const [rootfs, blob] = [join(folder, 'bounded'), join(folder, 'bounded.blob')];
    writeFileSync(blob, layer.blob);
    for (const [limits, message] of [
      [{ ...layerLimits, maxEntries: 10 }, /more than 10 entries/],
      [{ ...layerLimits, maxBytes: 10_000 }, /larger than 10000 bytes/],
    ] as const) {
      mkdirSync(rootfs);
      const applied = applyLayer({ ...layer, blob, rootfs, limits, signal: new AbortController().signal });
      await expect(applied).rejects.toMatchObject({
        code: 'badArchive',
        message: expect.stringMatching(message),
      });
      rmSync(rootfs, { recursive: true });
    }
  });
});

/** Packed as several members or frames, with what decoders are to skip between them where the format has that. */
function inPieces(layer: HandMadeLayer, pack: (bytes: Buffer) => Buffer): HandMadeLayer {
  const tar = tarOf(bottom);
  const cuts = [0, 700, 5000, tar.length];
  const skippable = Buffer.from('502a4d180300000061626e', 'hex').subarray(0, 11);
  const parts = cuts.slice(1).map((end, at) => pack(tar.subarray(cuts[at], end)));
  const isZstd = layer.mediaType.endsWith('zstd');
  return {
    ...layer,
    blob: Buffer.concat(parts.flatMap((part) => (isZstd ? [skippable, part, skippable] : [part]))),
  };
}
