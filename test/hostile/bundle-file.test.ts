import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { BundleFile } from '../../agent/bundle-file/bundle-file.ts';
import { readMachine } from '../../agent/bundle-file/read-machine.ts';
import { hostPlatform } from '../../cloud-sync/oci/image/platform.ts';
import { tarTypes } from '../../cloud-sync/oci/layer/tar-format.ts';
import { digestOf } from '../../lib/digest.ts';
import { tarOf, type TarMember } from '../support/tar.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-bundles-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const layout: TarMember = { path: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' };
const indexOf = (value: unknown): TarMember => ({ path: 'index.json', content: JSON.stringify(value) });
const empty = indexOf({ schemaVersion: 2, manifests: [] });
const blobOf = (content: string): TarMember => ({
  path: `blobs/${digestOf(content).replace(':', '/')}`,
  content,
});
const aBlob = blobOf('x');

async function openBundle(bytes: Buffer): Promise<BundleFile> {
  const path = join(folder, 'bundle.hfb');
  await writeFile(path, bytes);
  return BundleFile.open(path);
}

test.each<[string, TarMember[]]>([
  ['a path out of it', [layout, empty, { path: '../outside', content: 'x' }]],
  ['an absolute path', [layout, empty, { path: '/etc/cron.d/x', content: 'x' }]],
  ['a path out of its blobs', [layout, empty, { path: 'blobs/sha256/../../x', content: 'x' }]],
  [
    'a blob by a link',
    [layout, empty, { path: aBlob.path, type: tarTypes.symlink, linkTarget: '/etc/passwd' }],
  ],
  [
    'a blob by a hard link',
    [layout, empty, { path: aBlob.path, type: tarTypes.hardLink, linkTarget: 'index.json' }],
  ],
  ['a device', [layout, empty, { path: aBlob.path, type: tarTypes.blockDevice }]],
  ['a fifo for its index', [layout, { path: 'index.json', type: tarTypes.fifo }]],
  ['another algorithm', [layout, empty, { path: 'blobs/md5/0123', content: 'x' }]],
  ['a blob twice', [layout, empty, aBlob, aBlob]],
  ['two indexes', [layout, empty, empty]],
  ['an index larger than allowed', [layout, { path: 'index.json', content: ' '.repeat(4 * 2 ** 20 + 1) }]],
  ['no index', [layout, aBlob]],
  ['an index that is no JSON', [layout, { path: 'index.json', content: '{' }]],
  ['an index of another kind', [layout, indexOf({ schemaVersion: 2, manifests: 'all' })]],
  ['a size that is not there', [layout, empty, { ...aBlob, size: 2 ** 32 }]],
  ['a size below zero', [layout, empty, { ...aBlob, pax: { size: '-5' } }]],
  ['a damaged header', [layout, empty, { ...aBlob, spoil: (header) => header.fill(0x41, 148, 154) }]],
  ['a sparse blob', [layout, empty, { ...aBlob, type: tarTypes.gnuSparse }]],
])('a bundle with %s is refused', async (_what, members) => {
  await expect(openBundle(tarOf(members))).rejects.toMatchObject({
    code: 'badArchive',
    message: expect.stringMatching(/^The bundle is refused: /) as unknown,
  });
});

test('an archive without an end is refused', async () => {
  const bytes = tarOf([layout, empty], { end: false });
  await expect(openBundle(bytes)).rejects.toMatchObject({ code: 'badArchive' });
});

test('a blob of other bytes is found before anything is installed', async () => {
  await using bundle = await openBundle(tarOf([layout, empty, { ...aBlob, content: 'y' }]));
  const options = { signal: new AbortController().signal, onProgress: () => undefined };
  await expect(bundle.verify(options)).rejects.toMatchObject({ code: 'digestMismatch' });
});

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const entryOf = (content: string) => ({
  ...{ mediaType: manifestType, digest: digestOf(content), size: content.length },
  annotations: { 'org.opencontainers.image.ref.name': 'machine' },
});

/** A bundle whose machine is an artifact of these layers. */
function machineOf(layers: readonly { readonly mediaType: string; readonly content: string }[]): TarMember[] {
  const described = layers.map(({ mediaType, content }) => ({
    ...{ mediaType, digest: digestOf(content), size: content.length },
  }));
  const config = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf('{}'), size: 2 };
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType: manifestType, config, layers: described });
  const entry = { schemaVersion: 2, manifests: [entryOf(manifest)] };
  return [layout, indexOf(entry), ...[manifest, ...layers.map(({ content }) => content)].map(blobOf)];
}

const machineType = 'application/vnd.holdfast.machine.manifest.v1+json';
const needsImage = JSON.stringify({
  apiVersion: 'holdfast/v1',
  apps: { web: { image: `a/b@${digestOf('nowhere')}` } },
  kind: 'Machine',
  metadata: { name: 'kiosk-7' },
});

test.each<[string, TarMember[], RegExp]>([
  ['names no machine', [layout, empty], /it names no machine/],
  [
    'lacks the machine that it names',
    [layout, indexOf({ schemaVersion: 2, manifests: [entryOf('{}')] })],
    /it lacks the blob/,
  ],
  [
    'has a machine without a manifest',
    machineOf([{ mediaType: 'text/plain', content: 'x' }]),
    /its machine has no manifest/,
  ],
  [
    'has a manifest that is none',
    machineOf([{ mediaType: machineType, content: '{"kind":"Pod"}' }]),
    /manifest/,
  ],
  [
    'lacks an image of its machine',
    machineOf([{ mediaType: machineType, content: needsImage }]),
    /it lacks the blob sha256:[0-9a-f]+ of apps\.web/,
  ],
])('a bundle that %s is refused', async (_what, members, message) => {
  await using bundle = await openBundle(tarOf(members));
  await expect(readMachine(bundle, hostPlatform())).rejects.toThrow(message);
});
