import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { OnResolveArgs, OnResolveResult, PartialMessage, Plugin } from 'esbuild';
import type { BundleFileEntry } from './format.ts';

/** A file that code imports and that travels beside it. */
export type ImportedFile = BundleFileEntry & { readonly bytes: Uint8Array };

const ours = Symbol('resolved by imported-files');

/**
 * `import module from './x.wasm'` gives a WebAssembly.Module and `import bytes from './x.bin'` an ArrayBuffer, as on Workers. The
 * import stays in the code under a name made of the file's own bytes, and the file is added to `files`.
 */
export function importedFiles(files: Map<string, ImportedFile>): Plugin {
  return {
    name: 'imported-files',
    setup(build) {
      build.onStart(() => files.clear());
      // Workers also take `./x.wasm?module`.
      build.onResolve({ filter: /\.(?:wasm(?:\?module)?|bin)$/ }, async (args) => {
        if (args.pluginData === ours) return undefined;
        const path = args.path.replace(/\?module$/, '');
        const { importer, resolveDir, kind } = args;
        const found = await build.resolve(path, { importer, resolveDir, kind, pluginData: ours });
        if (found.errors.length > 0) return { errors: found.errors };
        return take(files, args, found.path);
      });
    },
  };
}

async function take(
  files: Map<string, ImportedFile>,
  { kind, path: specifier }: OnResolveArgs,
  path: string,
): Promise<OnResolveResult> {
  if (kind !== 'import-statement') {
    return failed(`${specifier} can be had by a static import only: import file from '${specifier}'`);
  }
  const bytes = new Uint8Array(await readFile(path));
  const type = path.endsWith('.wasm') ? 'wasm' : 'data';
  if (type === 'wasm') {
    const problem = await invalidWasm(bytes);
    if (problem !== undefined) return failed(`${specifier} is no valid WebAssembly: ${problem}`);
  }
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  const name = `./${hash}-${basename(path)
    .replace(/[^A-Za-z0-9._-]/g, '_')
    .slice(-100)}`;
  files.set(name, { name, type, bytes });
  return { path: name, external: true, watchFiles: [path] };
}

async function invalidWasm(bytes: Uint8Array): Promise<string | undefined> {
  try {
    await WebAssembly.compile(bytes);
    return undefined;
  } catch (error) {
    return (error as Error).message.replace(/^WebAssembly\.compile\(\): /, '');
  }
}

function failed(text: string): { errors: PartialMessage[] } {
  return { errors: [{ text }] };
}
