import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Contender } from './contender.ts';
import { runProgram } from './run-program.ts';

/** borg, encrypting and compressing as strongly as the others; its cache is in `folder`. */
export function createBorg(folder: string): Contender {
  const env = { BORG_PASSPHRASE: 'correct horse battery staple', BORG_BASE_DIR: join(folder, 'borg') };
  let snapshots = 0;
  const borg = (args: readonly string[], cwd?: string) =>
    runProgram({ command: 'borg', args, env, ...(cwd === undefined ? {} : { cwd }) });
  return {
    name: 'borg',
    does: ['first'],
    createRepository: async (repository) => {
      await borg(['init', '--encryption', 'repokey-blake2', repository]);
    },
    takeSnapshot: (repository, source) =>
      borg(['create', '--compression', 'zstd,3', `${repository}::snapshot-${++snapshots}`, source]),
    restore: async (repository, source, target) => {
      await mkdir(target, { recursive: true });
      const run = await borg(['extract', `${repository}::snapshot-${snapshots}`], target);
      return { run, restored: join(target, source) };
    },
  };
}
