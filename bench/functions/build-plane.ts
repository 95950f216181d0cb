import { join } from 'node:path';
import { build } from 'esbuild';
import { buildOptions } from '../../scripts/build-options.ts';

const dist = join(import.meta.dirname, '../../dist');

/** `plane-child.ts`, bundled as the agent that users run is and beside the same host: gives the program's path. Needs what `scripts/build.ts` makes. */
export async function buildPlane(): Promise<string> {
  const outfile = join(dist, 'plane-child.mjs');
  await build({ ...buildOptions, entryPoints: ['bench/functions/plane-child.ts'], outfile });
  return outfile;
}
