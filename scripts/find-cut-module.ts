import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const source = fileURLToPath(new URL('../cloud-sync/vault/chunker/assembly/find-cut.ts', import.meta.url));
const settings = ['--optimizeLevel', '3', '--runtime', 'stub', '--importMemory', '--noAssert'];

/** The text of `cloud-sync/vault/chunker/find-cut-module.ts`: what AssemblyScript makes of the chunker's inner loop. */
export async function findCutModule(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'find-cut-'));
  try {
    const outFile = join(folder, 'find-cut.wasm');
    await promisify(execFile)(process.execPath, [compiler(), source, ...settings, '--outFile', outFile]);
    return moduleText(await readFile(outFile));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function compiler(): string {
  const { resolve } = createRequire(import.meta.url);
  return join(dirname(resolve('assemblyscript/package.json')), 'bin/asc.js');
}

function moduleText(code: Buffer): string {
  return `/** Made by \`npm run generate\` of \`assembly/find-cut.ts\`: WebAssembly, in base64. */
export const findCutModule =
  '${code.toString('base64')}';
`;
}
