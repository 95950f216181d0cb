import { expect, test } from '@jest/globals';
import { digestOf, type Digest } from '../../../lib/digest.ts';
import { missingBytes } from './missing-bytes.ts';

const types = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
};
const documents = new Map<Digest, Uint8Array>();

function documentOf(value: object): { digest: Digest; size: number } {
  const bytes = Buffer.from(JSON.stringify(value));
  const digest = digestOf(bytes);
  documents.set(digest, bytes);
  return { digest, size: bytes.byteLength };
}

const layer = (name: string, size: number) => ({ mediaType: types.layer, digest: digestOf(name), size });
const manifest = documentOf({
  ...{ schemaVersion: 2, mediaType: types.manifest },
  config: { mediaType: types.config, digest: digestOf('config'), size: 7 },
  layers: [layer('base', 1000), layer('app', 20), layer('app', 20)],
});
const index = documentOf({
  ...{ schemaVersion: 2, mediaType: types.index },
  manifests: [{ mediaType: types.manifest, ...manifest, platform: { os: 'linux', architecture: 'amd64' } }],
});
const image = {
  ...{ repository: 'acme/app', platform: { os: 'linux', architecture: 'amd64' } },
  read: (digest: Digest) => Promise.resolve(documents.get(digest) ?? new Uint8Array()),
};

test.each([
  ['a manifest', manifest.digest],
  ['an index', index.digest],
])('of %s, counts what is not here, a layer that comes twice once', async (_name, digest) => {
  const has = (blob: Digest) => Promise.resolve(blob === digestOf('base'));
  await expect(missingBytes({ ...image, digest, has })).resolves.toBe(27);
  await expect(missingBytes({ ...image, digest, has: () => Promise.resolve(false) })).resolves.toBe(1027);
});

test('an image for another platform has no size here', async () => {
  const platform = { os: 'linux', architecture: 'riscv64' };
  const has = () => Promise.resolve(false);
  await expect(missingBytes({ ...image, platform, digest: index.digest, has })).rejects.toMatchObject({
    code: 'wrongPlatform',
  });
});
