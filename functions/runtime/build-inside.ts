import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build, type BuildOptions, type Plugin } from 'esbuild';
import { digestOf } from '../../lib/digest.ts';
import { version } from '../../lib/version.ts';
import { formatScript } from '../host/inside-script.ts';
import { v8Flags } from '../host/v8-flags.ts';
import { warmUpScript } from '../host/warm-up.ts';

/** Builds what runs first inside isolates, from the sources: for `scripts/build.ts`, and for programs that run from sources. */
export type InsideFiles = { readonly script: string; readonly snapshot: string };

const sources = join(import.meta.dirname, '../host');
const cache = join(import.meta.dirname, '../../node_modules/.cache/holdfast');
const maxSnapshotBytes = 64 * 2 ** 20;

/** Writes `inside.js` and `inside.snapshot` to a folder. */
export async function buildInside(folder: string): Promise<InsideFiles> {
  return place(folder, 'inside', await bundleInside());
}

/** The files in a cache beside the packages, named after the script's content; made when they are not there. */
export async function cachedInside(): Promise<InsideFiles> {
  const script = await bundleInside();
  const made = [script, warmUpScript, process.version, process.arch, v8Flags];
  const [, hash = ''] = digestOf(JSON.stringify(made)).split(':');
  await mkdir(cache, { recursive: true });
  return place(cache, `inside-${hash.slice(0, 32)}`, script);
}

/** Libraries that few functions use, by the modules that `inside/web/lazy` loads them for. */
const chunks = {
  streams: 'web-streams-polyfill',
  'url-pattern': 'urlpattern-polyfill/urlpattern',
  codecs: 'fflate',
};

const common: BuildOptions = {
  bundle: true,
  write: false,
  format: 'iife',
  platform: 'neutral',
  mainFields: ['module', 'main'],
  target: 'es2024',
  define: { HOLDFAST_VERSION: JSON.stringify(version) },
  banner: { js: '"use strict";' },
  // Short, because every isolate holds the text. What the tenant may see is given its name by the code itself.
  minify: true,
  legalComments: 'none',
  tsconfigRaw: {},
  logLevel: 'silent',
};

async function bundleInside(): Promise<string> {
  const entry = join(sources, 'inside/main.ts');
  const parts = Object.entries(chunks).map(async ([name, library]) => {
    const stdin = { contents: `export * from '${library}';`, resolveDir: sources };
    return [name, await textOf({ ...common, stdin, globalName: 'chunk' })] as const;
  });
  const main = await textOf({ ...common, entryPoints: [entry], plugins: [lazyLibraries] });
  return formatScript({ main, chunks: Object.fromEntries(await Promise.all(parts)) });
}

async function textOf(options: BuildOptions): Promise<string> {
  const { outputFiles = [] } = await build(options);
  return outputFiles[0]?.text ?? '';
}

/** `web/streams.ts` and its like hold their library; in an isolate those of `web/lazy/` stand in their places. */
const lazyLibraries: Plugin = {
  name: 'lazy-libraries',
  setup: (bundler) => {
    bundler.onResolve({ filter: /^\.\/(streams|url-pattern|codecs)\.ts$/ }, ({ path, resolveDir }) => ({
      path: join(resolveDir, 'lazy', path),
    }));
  },
};

async function place(folder: string, name: string, code: string): Promise<InsideFiles> {
  const script = join(folder, `${name}.js`);
  const snapshot = join(folder, `${name}.snapshot`);
  if (!existsSync(snapshot)) {
    await put(script, code);
    await put(snapshot, await snapshotOf(script));
  }
  return { script, snapshot };
}

/** Made by a process with the flags of a host. */
async function snapshotOf(script: string): Promise<Uint8Array> {
  const maker = join(sources, 'make-snapshot.ts');
  const flags = ['--no-node-snapshot', '--disable-warning=ExperimentalWarning', ...v8Flags];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, maker, script], {
    encoding: 'buffer',
    maxBuffer: maxSnapshotBytes,
    env: {},
  });
  return stdout;
}

/** Other processes may be writing the same. */
async function put(path: string, data: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}-${performance.now()}.tmp`;
  await writeFile(temporary, data);
  await rename(temporary, path);
}
