import { join } from 'node:path';
import type { Contender } from './contender.ts';
import { runProgram } from './run-program.ts';

/** restic with its defaults; its cache is in `folder`, so that none of the user's is used or left. */
export function createRestic(folder: string): Contender {
  const env = {
    RESTIC_PASSWORD: 'correct horse battery staple',
    RESTIC_CACHE_DIR: join(folder, 'restic-cache'),
  };
  const restic = (repository: string, ...args: readonly string[]) =>
    runProgram({ command: 'restic', args: ['--repo', repository, ...args], env });
  return {
    name: 'restic',
    does: ['first', 'unchanged', 'changed', 'restore'],
    createRepository: async (repository) => {
      await restic(repository, 'init', '--repository-version', '2');
    },
    takeSnapshot: (repository, source) => restic(repository, 'backup', source),
    restore: async (repository, source, target) => {
      const run = await restic(repository, 'restore', 'latest', '--target', target);
      return { run, restored: join(target, source) };
    },
  };
}
