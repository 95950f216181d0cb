import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where this program's own sources are: beside `cli/`, or beside the `dist/` it was built into. */
function sourceOf(path: string): string | undefined {
  const file = fileURLToPath(new URL(`../${path}`, import.meta.url));
  return existsSync(file) ? file : undefined;
}

/**
 * Writes `.holdfast/` of a function's project: the settings that its tsconfig.json extends. It tells tsc and editors where the types
 * of holdfast/sdk and holdfast/testing are on this machine, without an installed package. Only where a project is made for it.
 */
export async function writeTypePaths(folder: string): Promise<void> {
  const sdk = sourceOf('functions/sdk/index.ts');
  const testing = sourceOf('functions/sdk/testing/index.ts');
  const paths = { ...(sdk && { 'holdfast/sdk': [sdk] }), ...(testing && { 'holdfast/testing': [testing] }) };
  const compilerOptions = {
    target: 'es2024',
    lib: ['es2024', 'esnext.disposable', 'esnext.collection'],
    module: 'nodenext',
    moduleResolution: 'nodenext',
    types: ['node'],
    strict: true,
    verbatimModuleSyntax: true,
    erasableSyntaxOnly: true,
    allowImportingTsExtensions: true,
    noEmit: true,
    skipLibCheck: true,
    paths,
  };
  const own = join(folder, '.holdfast');
  await mkdir(own, { recursive: true });
  await writeFile(join(own, 'tsconfig.json'), `${JSON.stringify({ compilerOptions }, null, 2)}\n`);
  const files = sourceOf('functions/sdk/files.d.ts');
  const wasm = sourceOf('functions/web-assembly.d.ts');
  const references = [files, wasm].filter((path) => path !== undefined);
  const lines = references.map((path) => `/// <reference path="${path}" />\n`);
  await writeFile(join(own, 'types.d.ts'), lines.join(''));
}

/** Refreshes what a project has from another time or machine. `folder`: where its package.json is. */
export async function refreshTypePaths(folder: string): Promise<void> {
  if (existsSync(join(folder, '.holdfast'))) await writeTypePaths(folder);
}
