import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { buildOptions } from '../../scripts/build-options.ts';

const dist = join(import.meta.dirname, '../../dist');
const names = ['plane', 'aedes'] as const;

/** Paths of programs that print their MQTT port; gone when disposed of. */
export type BrokerPrograms = AsyncDisposable & Readonly<Record<(typeof names)[number], string>>;

/**
 * `plane-child.ts` and `aedes-child.ts`, both bundled as the agent that users run is, so that neither has what the other was spared.
 * They stand beside the host that the plane starts: `scripts/build.ts` has to have made it.
 */
export async function buildBrokers(): Promise<BrokerPrograms> {
  const fileOf = (name: string) => join(dist, `${name}-child.mjs`);
  await build({
    ...buildOptions,
    entryPoints: names.map((name) => join(import.meta.dirname, `${name}-child.ts`)),
    outdir: dist,
    sourcemap: false,
  });
  return {
    ...{ plane: fileOf('plane'), aedes: fileOf('aedes') },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(names.map((name) => rm(fileOf(name), { force: true })));
    },
  };
}
