import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { build, type BuildOptions, type Plugin } from 'esbuild';
import { version } from '../../lib/version.ts';
import { formatScript } from '../host/inside-script.ts';
import { v8Flags } from '../host/v8-flags.ts';

/** Builds what runs first inside isolates, from the sources: for `scripts/build.ts`, and for programs that run from sources. */
export type InsideFiles = { readonly script: string; readonly snapshot: string };

/** `inputs`: paths of the files it was made of. */
export type Bundled = { readonly text: string; readonly inputs: readonly string[] };

const sources = join(import.meta.dirname, '../host');
const maxSnapshotBytes = 64 * 2 ** 20;

/** Writes `inside.js` and `inside.snapshot` to a folder. */
export async function buildInside(folder: string): Promise<InsideFiles> {
  const { text } = await bundleInside();
  return placeInside(folder, 'inside', text);
}

/** Libraries that few functions use, by the modules that `inside/web/lazy` loads them for. */
const chunks = {
  streams: 'web-streams-polyfill',
  'url-pattern': 'urlpattern-polyfill/urlpattern',
  codecs: 'fflate',
};

const common: BuildOptions = {
  bundle: true,
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

export async function bundleInside(): Promise<Bundled> {
  const entry = join(sources, 'inside/main.ts');
  const parts = Object.entries(chunks).map(async ([name, library]) => {
    const stdin = { contents: `export * from '${library}';`, resolveDir: sources };
    return [name, await bundle({ ...common, stdin, globalName: 'chunk' })] as const;
  });
  const main = await bundle({ ...common, entryPoints: [entry], plugins: [lazyLibraries] });
  const libraries = await Promise.all(parts);
  const texts = Object.fromEntries(libraries.map(([name, { text }]) => [name, text]));
  return {
    text: formatScript({ main: main.text, chunks: texts }),
    inputs: [main, ...libraries.map(([, library]) => library)].flatMap(({ inputs }) => inputs),
  };
}

export async function bundle(options: BuildOptions): Promise<Bundled> {
  const { outputFiles, metafile } = await build({ ...options, write: false, metafile: true });
  const files = Object.keys(metafile.inputs).filter((path) => path !== '<stdin>');
  return { text: outputFiles[0]?.text ?? '', inputs: files.map((path) => resolve(path)) };
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

/** The two files under a name; the snapshot is made when it is not there. */
export async function placeInside(folder: string, name: string, code: string): Promise<InsideFiles> {
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

/** Writes a file whole or not at all: other processes may be writing the same. */
export async function put(path: string, data: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}-${performance.now()}.tmp`;
  await writeFile(temporary, data);
  await rename(temporary, path);
}
