import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Contender } from './contender.ts';
import { runProgram } from './run-program.ts';

const program = fileURLToPath(new URL('../../dist/holdfast.mjs', import.meta.url));
const nodeFlags = ['--disable-warning=ExperimentalWarning'];

/** The built command with its defaults; what it remembers between snapshots is in `folder`. */
export async function createHoldfast(folder: string): Promise<Contender> {
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, 'correct horse battery staple\n', { mode: 0o600 });
  const env = { XDG_CACHE_HOME: join(folder, 'holdfast-cache') };
  const holdfast = (repository: string, ...args: readonly string[]) =>
    runProgram({
      command: process.execPath,
      args: [...nodeFlags, program, ...args, '--repository', repository, '--password-file', passwordFile],
      env,
    });
  return {
    name: 'holdfast',
    does: ['first', 'unchanged', 'changed', 'restore'],
    createRepository: async (repository) => {
      await holdfast(repository, 'vault', 'init');
    },
    takeSnapshot: (repository, source) => holdfast(repository, 'snapshot', 'take', source),
    restore: async (repository, _source, target) => {
      const run = await holdfast(repository, 'snapshot', 'restore', 'latest', '--target', target);
      return { run, restored: target };
    },
  };
}
