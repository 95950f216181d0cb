import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { buildOptions } from '../../scripts/build-options.ts';

/**
 * `build-children.ts FOLDER`: bundles the programs beside this one that tests start as processes (`…-child.ts`) as the product is bundled,
 * into the folder of that: its jobs and threads lie beside them there.
 */
const [folder = ''] = process.argv.slice(2);
const sources = readdirSync(import.meta.dirname).filter((name) => name.endsWith('-child.ts'));
await build({
  ...buildOptions,
  entryPoints: sources.map((name) => join(import.meta.dirname, name)),
  outdir: folder,
  splitting: true,
  chunkNames: 'chunk-[hash]',
});
