import { chmod, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { build, type BuildOptions } from 'esbuild';
import { buildInside } from '../functions/runtime/build-inside.ts';
import { buildOptions, threadOptions } from './build-options.ts';
import { commonChunk } from './common-chunk.ts';

/**
 * Bundles the program into `dist/`, or another folder: `holdfast.mjs` with the chunks that its commands load when they run, and `host.mjs`,
 * the process for untrusted code, with the script and the snapshot of what runs inside its isolates.
 */
const root = join(import.meta.dirname, '..');
/** `node scripts/build.ts [FOLDER]`: somewhere below the repository, from where packages are found. */
const dist = resolve(process.argv[2] ?? join(root, 'dist'));

async function main(): Promise<void> {
  await rm(dist, { recursive: true, force: true });
  const program = programOptions();
  await build({ ...program, plugins: [await commonChunk(program), ...(program.plugins ?? [])] });
  await build({
    ...threadOptions,
    entryPoints: {
      'vault-restore-thread': 'cloud-sync/vault/restore/restore-thread.ts',
      'vault-lister-thread': 'cloud-sync/vault/snapshot/lister-thread.ts',
      'vault-snapshot-thread': 'cloud-sync/vault/snapshot/snapshot-thread.ts',
    },
    outdir: dist,
  });
  await build({ ...buildOptions, entryPoints: { host: 'functions/host/main.ts' }, outdir: dist });
  await buildInside(dist);
  await markExecutable(join(dist, 'holdfast.mjs'));
  for (const name of ['holdfast.mjs', 'host.mjs', 'inside.js', 'inside.snapshot']) {
    const { size } = await stat(join(dist, name));
    process.stdout.write(`${relative(root, join(dist, name))}  ${Math.ceil(size / 1024)} KiB\n`);
  }
}

function programOptions(): BuildOptions {
  return {
    ...buildOptions,
    entryPoints: {
      holdfast: 'cli/holdfast.ts',
      // What authors of functions import, and what their tests are run with.
      sdk: 'functions/sdk/index.ts',
      testing: 'functions/sdk/testing/index.ts',
      'test-hook': 'functions/sdk/testing/test-hook.ts',
      'json-reporter': 'functions/sdk/testing/json-reporter.ts',
      'vault-job': 'agent/vault/job-main.ts',
      'image-store': 'agent/apps/store/apply-main.ts',
    },
    outdir: dist,
    // Chunks lie beside the entries, so that paths from import.meta.url are the same everywhere.
    splitting: true,
    chunkNames: 'chunk-[hash]',
  };
}

/** A bin file begins with the line that names its interpreter; the warning about experimental parts of node is not for users. */
async function markExecutable(path: string): Promise<void> {
  const shebang = '#!/usr/bin/env -S node --disable-warning=ExperimentalWarning';
  const code = (await readFile(path, 'utf8')).replace(/^#!.*\n/, '');
  await writeFile(path, `${shebang}\n${code}`);
  await chmod(path, 0o755);
}

await main();
