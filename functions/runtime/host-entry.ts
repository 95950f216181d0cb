import { existsSync } from 'node:fs';
import { createRequire, findPackageJSON } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { v8Flags } from '../host/v8-flags.ts';
import type { HostProgram } from './cached-host.ts';

/**
 * What `scripts/build.ts` laid beside the built program; among the sources it is built from them and kept in `node_modules/.cache`.
 * `entry`: another entry file with the same arguments.
 */
export async function hostProgram(entry?: string): Promise<HostProgram> {
  const built = fileURLToPath(new URL('host.mjs', import.meta.url));
  if (existsSync(built)) {
    const at = (name: string) => fileURLToPath(new URL(name, import.meta.url));
    return { entry: entry ?? built, script: at('inside.js'), snapshot: at('inside.snapshot') };
  }
  const { cachedHost } = await import('./cached-host.ts');
  const program = await cachedHost();
  return { ...program, entry: entry ?? program.entry };
}

/**
 * Arguments of node for the host process: Node's permission model with reading `files` only (dropped once loaded), and the flags
 * of V8 that its snapshot was made with.
 */
export function hostArguments({ entry, script, snapshot }: HostProgram, files: readonly string[]): string[] {
  return [
    '--no-node-snapshot',
    '--disable-warning=ExperimentalWarning',
    '--disable-warning=SecurityWarning',
    ...v8Flags,
    '--permission',
    '--allow-addons',
    ...files.map((path) => `--allow-fs-read=${path}`),
    entry,
    script,
    snapshot,
  ];
}

/** Everything a host reads, or looks for, while it starts: its code, the package of the isolates and what loads that. */
export function hostFiles({ entry, script, snapshot }: HostProgram): string[] {
  const resolve = createRequire(entry).resolve;
  const addon = dirname(resolve('isolated-vm/package.json'));
  const loader = dirname(createRequire(addon + '/').resolve('node-gyp-build/package.json'));
  // The loader of the add-on looks there which C library it has to fit.
  const musl = '/etc/alpine-release';
  // Says that sources are ES modules.
  const scope = findPackageJSON(pathToFileURL(entry)) ?? entry;
  return [scope, dirname(entry), addon, loader, musl, script, snapshot];
}
