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
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openImageStore } from '../../agent/apps/store/open-image-store.ts';
import type { AppImages, ImageStore } from '../../agent/apps/ports.ts';
import { OciLayout } from '../../cloud-sync/oci/index.ts';
import { tarTypes } from '../../cloud-sync/oci/layer/tar-format.ts';
import type { Digest } from '../../lib/digest.ts';
import { createLogger, type LogEvent } from '../../lib/logger.ts';
import { appSchema, type AppSpec } from '../../manifests/app.ts';
import { describeTree } from '../support/describe-tree.ts';
import { layerOf, writeImage } from '../support/hand-made-image.ts';

let root: string;
let layout: OciLayout;
let store: ImageStore;
let logged: LogEvent[];
let running: Set<string>;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-images-'));
  layout = await OciLayout.open(join(root, 'artifacts'));
  logged = [];
  running = new Set();
  store = await open();
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function open(): Promise<ImageStore> {
  const registry = (): never => {
    throw new Error('Everything is on disk');
  };
  return openImageStore({
    root,
    layout,
    registry,
    inUse: () => Promise.resolve(running),
    logger: createLogger((event) => logged.push(event)),
  });
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

  test.each<[string, (rootfs: string) => void]>([
    ['a file was written to', (rootfs) => writeFileSync(join(rootfs, 'etc/two'), 'changed')],
    ['a file was touched', (rootfs) => utimesSync(join(rootfs, 'etc/two'), 1, 1)],
    ['a file is gone', (rootfs) => rmSync(join(rootfs, 'app'))],
    ['a file was added', (rootfs) => writeFileSync(join(rootfs, 'more'), '')],
    ['the record is gone', (rootfs) => rmSync(join(rootfs, '../tree.json'))],
    ['the tree is gone', (rootfs) => rmSync(rootfs, { recursive: true })],
    ['its folder is gone', (rootfs) => rmSync(join(rootfs, '..'), { recursive: true })],
  ])(
    'are put in order from their blobs when %s',
    async (_, damage) => {
      const digest = await writeImage(layout, [base, upper]);
      const { rootfs } = await load(digest);
      const before = describeTree(rootfs);
      damage(rootfs);
      await load(digest);
      expect(describeTree(rootfs)).toEqual(before);
      expect(readFileSync(join(rootfs, 'etc/two'), 'utf8')).toBe('2');
    },
    60_000,
  );
});
