import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { doOrder } from '../../agent/apps/store/do-order.ts';
import type { StoreJob } from '../../agent/apps/store/make-job.ts';
import { openImageStore } from '../../agent/apps/store/open-image-store.ts';
import type { AppImages, ImageStore } from '../../agent/apps/ports.ts';
import { OciLayout, ociManifestType, type RegistryClient } from '../../cloud-sync/oci/index.ts';
import { tarTypes } from '../../cloud-sync/oci/layer/tar-format.ts';
import { digestOf, type Digest } from '../../lib/digest.ts';
import { createLogger, type LogEvent } from '../../lib/logger.ts';
import { appSchema, type AppSpec } from '../../manifests/app.ts';
import { builtChild } from '../support/built-program.ts';
import { describeTree } from '../support/describe-tree.ts';
import { layerOf, writeImage } from '../support/hand-made-image.ts';
import { mountNamespaces, peerTest } from '../support/peers.ts';
import { startRegistry } from '../support/registry-server.ts';

let root: string;
let layout: OciLayout;
let store: ImageStore;
let logged: LogEvent[];
let running: Set<string>;
let clients: RegistryClient[];
const { signal } = new AbortController();
const unpackChild = builtChild('unpack-child');
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-images-'));
  layout = await OciLayout.open(join(root, 'artifacts'));
  logged = [];
  running = new Set();
  clients = [];
  store = await open();
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** In this process, which is quicker; or as an agent does it. */
function open({ apart = false } = {}): Promise<ImageStore> {
  const registry = (): RegistryClient[] => clients;
  const logger = createLogger((event) => logged.push(event));
  const job: StoreJob = (order, stop) => doOrder(order, { logger, signal: stop });
  return openImageStore({
    root,
    layout,
    registry,
    inUse: () => Promise.resolve(running),
    logger,
    ...(!apart && { job }),
  });
}

/** The manifest last: a registry takes it when it has what it names. */
async function pushAll(from: OciLayout, manifest: Digest, client: RegistryClient): Promise<void> {
  const repository = 'acme/web';
  for (const digest of await from.digests()) {
    const bytes = await from.read(digest, 2 ** 20);
    if (digest !== manifest) await client.pushBlob({ repository, digest, bytes }, { signal });
  }
  const bytes = await from.read(manifest, 2 ** 20);
  await client.pushManifest({ repository, reference: 'v1', bytes, mediaType: ociManifestType }, { signal });
}

function app(digest: Digest): AppSpec {
  return appSchema.parse({ image: `acme/web@${digest}` });
}

async function load(digest: Digest) {
  const images: AppImages = await store.load({ web: app(digest) });
  const image = images.get('web');
  if (!image) throw new Error('No image was loaded');
  return image;
}

const events = (name: string) => logged.filter(({ event }) => event === name);
const base = layerOf([
  { path: 'etc', type: tarTypes.folder, mode: 0o755 },
  { path: 'etc/one', content: '1' },
  { path: 'etc/two', content: '2' },
]);
const upper = layerOf([{ path: 'etc/.wh.one' }, { path: 'app', content: 'version 1' }], 'zstd');
const other = layerOf([{ path: 'app', content: 'version 2', mode: 0o4755 }]);

describe('the images of a machine', () => {
  test('share what they have in common, and each sees only its own', async () => {
    store = await open({ apart: true });
    const [first, second] = [
      await writeImage(layout, [base, upper]),
      await writeImage(layout, [base, other]),
    ];
    const [one, two] = [await load(first), await load(second)];
    const inode = (rootfs: string, name: string) => lstatSync(join(rootfs, name)).ino;
    expect(inode(one.rootfs, 'etc/two')).toBe(inode(two.rootfs, 'etc/two'));
    expect(readdirSync(join(one.rootfs, 'etc'))).toEqual(['two']);
    expect(readdirSync(join(two.rootfs, 'etc'))).toEqual(['one', 'two']);
    expect([one.givesRights, two.givesRights]).toEqual([false, true]);
    expect(readdirSync(join(root, 'images'))).toHaveLength(3);
    expect(events('image.unpacked')).toHaveLength(3);
  }, 60_000);

  test('are not unpacked again when they are as they were', async () => {
    const digest = await writeImage(layout, [base, upper]);
    const before = describeTree((await load(digest)).rootfs);
    store = await open();
    expect(describeTree((await load(digest)).rootfs)).toEqual(before);
    expect(events('image.unpacked')).toHaveLength(2);
  }, 60_000);

  test('are put in order from their blobs, whatever was done to their trees', async () => {
    const damages: Record<string, (rootfs: string) => void> = {
      'etc/two" is not as it was': (rootfs) => writeFileSync(join(rootfs, 'etc/two'), 'changed'),
      'app" is not as it was': (rootfs) => utimesSync(join(rootfs, 'app'), 1, 1),
      'app" is gone': (rootfs) => rmSync(join(rootfs, 'app')),
      'etc/more" is new': (rootfs) => writeFileSync(join(rootfs, 'etc/more'), ''),
      'its record is gone': (rootfs) => rmSync(join(rootfs, '../tree.json')),
      'its record is damaged': (rootfs) => writeFileSync(join(rootfs, '../entries.zst'), 'x', { flag: 'r+' }),
      'the tree is gone': (rootfs) => rmSync(rootfs, { recursive: true }),
      'its folder is gone': (rootfs) => rmSync(join(rootfs, '..'), { recursive: true }),
    };
    const digest = await writeImage(layout, [base, upper]);
    const { rootfs } = await load(digest);
    const before = describeTree(rootfs);
    for (const [what, damage] of Object.entries(damages)) {
      logged = [];
      damage(rootfs);
      await load(digest);
      expect([what, describeTree(rootfs)]).toEqual([what, before]);
      const told = events('image.repairing').map(({ reason }) => String(reason));
      if (what === 'its record is damaged') expect(told).toEqual([]);
      else if (what === 'its folder is gone') expect(events('image.unpacked')).toHaveLength(1);
      else expect(told.at(0)).toContain(what);
    }
  }, 120_000);

  test('come from a registry once, and need it no more', async () => {
    const registry = await startRegistry();
    await using stack = new AsyncDisposableStack();
    stack.use(registry);
    const elsewhere = await OciLayout.open(join(root, 'elsewhere'));
    const digest = await writeImage(elsewhere, [base, upper]);
    await pushAll(elsewhere, digest, registry.client());
    clients = [registry.client()];
    const images = await store.fetch({ web: app(digest), again: app(digest) }, signal);
    expect(images.get('again')).toEqual(images.get('web'));
    expect(events('image.fetched')).toMatchObject([{ bytesFetched: expect.any(Number) }]);
    await stack.disposeAsync();
    const { rootfs } = await load(digest);
    expect(readFileSync(join(rootfs, 'app'), 'utf8')).toBe('version 1');
    await store.fetch({ web: app(digest) }, signal);
    expect(await store.blobs([digest])).toEqual(await elsewhere.digests());
  }, 60_000);

  test('have no path that is too long where their trees are, though not where they are made', async () => {
    const prefix = join(root, 'images', '0'.repeat(64), 'rootfs/').length;
    const name = 'n'.repeat(200);
    const folders = Array.from({ length: 18 }, () => name).join('/');
    // As long as the system takes it, and a byte more.
    const rest = 4095 - prefix - folders.length - 1;
    const pathOf = (bytes: number) => `${folders}/${'r'.repeat(200)}/${'r'.repeat(bytes - 201)}`;
    for (const path of [pathOf(rest + 1), pathOf(rest + 12)])
      await expect(
        load(await writeImage(layout, [layerOf([{ path, content: 'far down' }])])),
      ).rejects.toMatchObject({
        code: 'badArchive',
      });
    const { rootfs } = await load(
      await writeImage(layout, [layerOf([{ path: pathOf(rest - 40), content: '' }])]),
    );
    await load(await writeImage(layout, [layerOf([{ path: pathOf(rest - 40), content: '' }])]));
    expect(events('image.repairing')).toEqual([]);
    expect(readdirSync(rootfs)).toEqual([name]);
  });

  test('are told of as damaged when blobs are needed that are', async () => {
    const digest = await writeImage(layout, [base, upper]);
    const blob = layout.path(digestOf(base.blob));
    writeFileSync(blob, Buffer.from(base.blob).fill(1, 30, 40));
    await expect(load(digest)).rejects.toMatchObject({ code: 'corrupt' });
    writeFileSync(blob, base.blob);
    await load(digest);
  }, 60_000);

  test('lose their trees when nobody needs them, but not while something runs in them', async () => {
    const [first, second] = [
      await writeImage(layout, [base, upper]),
      await writeImage(layout, [base, other]),
    ];
    const [one, two] = [await load(first), await load(second)];
    const all = await store.bytesOf([first, second]);
    expect(all).toBeGreaterThan(await store.bytesOf([first]));
    running.add(two.rootfs);
    await store.collect([first]);
    expect(readdirSync(two.rootfs)).toEqual(['app', 'etc']);
    writeFileSync(join(two.rootfs, 'etc/two'), 'changed');
    await load(second);
    expect(readdirSync(join(root, 'images')).filter((name) => name.startsWith('.'))).toHaveLength(2);
    running.clear();
    await store.collect([first]);
    expect(readdirSync(join(root, 'images'))).toHaveLength(2);
    expect(readdirSync(one.rootfs)).toEqual(['app', 'etc']);
    await store.collect([digestOf('never there')]);
    expect(readdirSync(join(root, 'images'))).toEqual([]);
  }, 60_000);

  test('are whole or not there when the process that makes them is killed', async () => {
    const files = Array.from({ length: 200 }, (_, at) => ({
      path: `d${at % 7}/f${at}`,
      content: randomBytes(3000),
    }));
    const digest = await writeImage(layout, [layerOf(files), base, upper]);
    const { rootfs } = await load(digest);
    const before = describeTree(rootfs);
    const images = join(root, 'images');
    let longestMs = 0;
    for (let round = 0; round < 4; round += 1) {
      for (const name of readdirSync(images)) rmSync(join(images, name), { recursive: true });
      const child = spawn(process.execPath, [
        '--disable-warning=ExperimentalWarning',
        unpackChild,
        'make',
        root,
        digest,
      ]);
      const ended = once(child, 'exit');
      await once(child.stdout, 'data');
      const begun = performance.now();
      if (round > 0) setTimeout(() => child.kill('SIGKILL'), (longestMs * round) / 4);
      await ended;
      longestMs ||= performance.now() - begun;
      const left = readdirSync(images).filter((name) => !name.startsWith('.'));
      store = await open();
      expect(readdirSync(images).sort()).toEqual(left.sort());
      await load(digest);
      expect(describeTree(rootfs)).toEqual(before);
    }
    expect(events('image.repairing')).toEqual([]);
  }, 120_000);

  peerTest(
    [mountNamespaces],
    'leave nothing on a full disk, which is named',
    async () => {
      const script =
        'mount -t tmpfs -o size=56m none "$1" && exec "$2" --disable-warning=ExperimentalWarning "$3" fill "$1"';
      const args = [
        '--map-root-user',
        '--mount',
        'sh',
        '-c',
        script,
        'sh',
        root,
        process.execPath,
        unpackChild,
      ];
      const { stdout } = await promisify(execFile)('unshare', args);
      expect(JSON.parse(stdout)).toEqual({
        honest: {
          code: 'diskFull',
          transient: true,
          message: expect.stringMatching(/needs about 9\d{7} bytes on disk/),
        },
        liar: {
          code: 'diskFull',
          transient: true,
          // It stops before others have no space left.
          message: expect.stringMatching(/\d{8} bytes of its layer sha256:.* were read, [23]\d{7} are free/),
        },
        left: [],
        small: 'unpacked',
        free: true,
      });
    },
    120_000,
  );
});
