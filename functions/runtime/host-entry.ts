import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Where the host's entry is: `host.mjs` beside the built program, `functions/host/main.ts` among the sources.
 */
export function hostEntryPath(): string {
  const built = fileURLToPath(new URL('host.mjs', import.meta.url));
  return existsSync(built) ? built : fileURLToPath(new URL('../host/main.ts', import.meta.url));
}

/**
 * Flags of the host process: Node's permission model with reading its own code only (dropped once loaded), no SharedArrayBuffer
 * (a fine clock for side channels), WebAssembly memories of at most 32 MiB.
 */
export function hostArguments(entry: string): string[] {
  const resolve = createRequire(entry).resolve;
  const addon = dirname(resolve('isolated-vm/package.json'));
  const loader = dirname(createRequire(addon + '/').resolve('node-gyp-build/package.json'));
  return [
    '--no-node-snapshot',
    '--disable-warning=ExperimentalWarning',
    '--disable-warning=SecurityWarning',
    '--enable-sharedarraybuffer-per-context',
    '--wasm-max-mem-pages=512',
    '--permission',
    '--allow-addons',
    ...[dirname(entry), addon, loader, '/etc/alpine-release'].map((path) => `--allow-fs-read=${path}`),
    entry,
  ];
}
