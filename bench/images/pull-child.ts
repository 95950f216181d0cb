import { join } from 'node:path';
import { openImageStore } from '../../agent/apps/store/open-image-store.ts';
import { OciLayout, RegistryClient } from '../../cloud-sync/oci/index.ts';
import { createHttpsClient } from '../../lib/https-client.ts';
import { silentLogger } from '../../lib/logger.ts';
import { appSchema } from '../../manifests/app.ts';

/** `pull-child ROOT HOST REFERENCE@DIGEST`: fetches an image from a registry over plain HTTP, and unpacks it, as an agent does. */
const [root = '', host = '', image = ''] = process.argv.slice(2);
await using http = createHttpsClient();
const store = await openImageStore({
  root,
  layout: await OciLayout.open(join(root, 'artifacts')),
  registry: () => [new RegistryClient({ http, registryUrl: `http://${host}` })],
  inUse: () => Promise.resolve(new Set()),
  logger: silentLogger,
});
const app = appSchema.parse({ image: `${host}/${image}`, site: { route: '/bench' } });
const images = await store.fetch({ bench: app }, new AbortController().signal);
process.stdout.write(`${images.get('bench')?.rootfs ?? ''}\n`);
