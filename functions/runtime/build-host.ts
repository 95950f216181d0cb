import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf } from '../../lib/digest.ts';
import { v8Flags } from '../host/v8-flags.ts';
import { warmUpScript } from '../host/warm-up.ts';
import { bundle, bundleInside, placeInside, put, type InsideFiles } from './build-inside.ts';

/** `inputs`: paths of all files that had a part in them. */
export type BuiltHost = {
  readonly files: InsideFiles & { readonly entry: string };
  readonly inputs: readonly string[];
};

const hostSource = join(import.meta.dirname, '../host/main.ts');
const builders = [import.meta.filename, join(import.meta.dirname, 'build-inside.ts')];

/** Builds from the sources the files that host processes are started with, each named after what is in it. */
export async function buildHost(folder: string): Promise<BuiltHost> {
  const [script, host] = await Promise.all([bundleInside(), bundleEntry()]);
  const made = [script.text, warmUpScript, process.version, process.arch, v8Flags];
  const inside = await placeInside(folder, `inside-${nameOf(JSON.stringify(made))}`, script.text);
  const entry = join(folder, `host-${nameOf(host.text)}.mjs`);
  if (!existsSync(entry)) await put(entry, host.text);
  return { files: { ...inside, entry }, inputs: [...builders, ...script.inputs, ...host.inputs] };
}

/** One file is read in half the time of forty whose types have to be taken out. */
function bundleEntry() {
  return bundle({
    entryPoints: [hostSource],
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    external: ['isolated-vm'],
    sourcemap: 'inline',
    tsconfigRaw: {},
    logLevel: 'silent',
  });
}

function nameOf(content: string): string {
  const [, hash = ''] = digestOf(content).split(':');
  return hash.slice(0, 32);
}
