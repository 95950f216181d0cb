import { mkdir, readdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { openImageStore } from '../../agent/apps/store/open-image-store.ts';
import { chainIds } from '../../agent/apps/store/chain-id.ts';
import { makeTree } from '../../agent/apps/store/make-trees.ts';
import { hostPlatform } from '../../cloud-sync/oci/image/platform.ts';
import { readLocalImage } from '../../cloud-sync/oci/image/read-local-image.ts';
import { OciLayout } from '../../cloud-sync/oci/index.ts';
import { isCodedError } from '../../lib/coded-error.ts';
import { digestOf, type Digest } from '../../lib/digest.ts';
import { silentLogger } from '../../lib/logger.ts';
import { appSchema } from '../../manifests/app.ts';
import { layerOf, writeImage } from './hand-made-image.ts';
import { tarOf } from './tar.ts';

/**
 * `make ROOT DIGEST`: makes the trees of an image, to be killed meanwhile. `fill ROOT`: unpacks what does not fit on the disk, and says as
 * JSON what came of it.
 */
const [command, root = '', digest = ''] = process.argv.slice(2);
const layout = await OciLayout.open(join(root, 'artifacts'));

async function make(): Promise<void> {
  const image = { repository: 'acme/web', digest: digest as Digest, platform: hostPlatform() };
  const { manifest, config } = await readLocalImage(layout, image);
  const ids = chainIds(config.rootfs.diff_ids);
  const layers = manifest.layers.map((layer, at) => ({
    ...{ chainId: ids[at] ?? layer.digest, diffId: config.rootfs.diff_ids[at] ?? layer.digest },
    ...{ mediaType: layer.mediaType, digest: layer.digest, blob: layout.path(layer.digest) },
  }));
  const folder = join(root, 'images');
  await mkdir(folder, { recursive: true });
  process.stdout.write('begin\n');
  await makeTree(
    { name: 'acme/web', layers },
    { folder, logger: silentLogger, signal: new AbortController().signal },
  );
}

async function fill(): Promise<void> {
  const registry = (): never => {
    throw new Error('Everything is on disk');
  };
  const inUse = () => Promise.resolve(new Set<string>());
  const store = await openImageStore({ root, layout, registry, inUse, logger: silentLogger });
  const attempt = async (image: Digest) => {
    try {
      await store.load({ web: appSchema.parse({ image: `acme/web@${image}` }) });
      return 'unpacked';
    } catch (error) {
      return isCodedError(error)
        ? { code: error.code, transient: error.transient, message: error.message }
        : String(error);
    }
  };
  const large = tarOf([
    {
      path: 'large',
      content: Buffer.alloc(60 * 2 ** 20, Buffer.from('some words that come again. '.repeat(99))),
    },
  ]);
  const small = layerOf([{ path: 'small', content: 'small' }]);
  const mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip';
  // The second says of itself that it is small: its last member is.
  const honest = { blob: gzipSync(large), mediaType, diffId: digestOf(large) };
  const liar = { blob: Buffer.concat([gzipSync(large), gzipSync('')]), mediaType, diffId: digestOf(large) };
  const outcomes = {
    honest: await attempt(await writeImage(layout, [small, honest])),
    liar: await attempt(await writeImage(layout, [small, liar])),
    left: await readdir(join(root, 'images')),
    small: await attempt(await writeImage(layout, [small])),
    free: (await statfs(root)).bavail > 0,
  };
  process.stdout.write(JSON.stringify(outcomes));
}

if (command === 'make') await make();
else await fill();
