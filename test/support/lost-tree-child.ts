import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeTree } from '../../agent/apps/store/make-trees.ts';
import { digestOf } from '../../lib/digest.ts';
import { errorMessage } from '../../lib/error-code.ts';
import { createLogger } from '../../lib/logger.ts';
import { layerOf } from './hand-made-image.ts';

/**
 * `lost-tree-child.mjs FOLDER BLOB`: unpacks an image whose blob is written to `BLOB` onto the disk of `onFailingDisk`, where another
 * program syncs it, and is told of the loss, before the agent does. Prints what came of it as JSON.
 */
const [folder = '', blob = ''] = process.argv.slice(2);
const disk = join(folder, 'disk');
const images = join(disk, 'images');
mkdirSync(images);
const members = Array.from({ length: 400 }, (_, file) => ({ path: `${file}`, content: randomBytes(60_000) }));
const layer = layerOf(members, 'none');
writeFileSync(blob, layer.blob);
const logger = createLogger(({ event }) => {
  if (event === 'image.unpacked') spawnSync('sync', ['-f', disk]);
});
const { diffId, mediaType } = layer;
const layers = [{ chainId: diffId, diffId, mediaType, digest: digestOf(layer.blob), blob }];
const { signal } = new AbortController();
const failure = await makeTree({ name: 'acme/web', layers }, { folder: images, logger, signal }).then(
  () => '',
  errorMessage,
);
process.stdout.write(JSON.stringify({ failure, left: readdirSync(images) }));
