import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const outdir = fileURLToPath(new URL('../../dist/bench-images', import.meta.url));

/** The program that pulls one image; its unpacking process lies beside it, as in the built command. */
export const pullProgram = `${outdir}/pull-child.mjs`;

/** Builds the command as users have it, and the program that pulls. */
export async function buildPrograms(): Promise<void> {
  await promisify(execFile)(process.execPath, [`${repository}/scripts/build.ts`]);
  await build({
    absWorkingDir: repository,
    entryPoints: {
      'pull-child': 'bench/images/pull-child.ts',
      'image-store': 'agent/apps/store/apply-main.ts',
    },
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    minify: true,
    logLevel: 'warning',
    banner: {
      js: "import { createRequire as require0 } from 'node:module'; const require = require0(import.meta.url);",
    },
  });
}
