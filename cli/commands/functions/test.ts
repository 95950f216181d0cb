import { glob, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { CliError } from '../../errors.ts';
import { examples } from '../../options.ts';
import { action, type Run, type Surroundings } from '../../run.ts';
import { refreshTypePaths } from '../../type-paths.ts';

type Options = { readonly watch?: true };

export function registerTest(functions: Command, surroundings: Surroundings): void {
  functions
    .command('test')
    .description(
      "Run a function's tests with node's test runner; holdfast/testing is there, with nothing installed.",
    )
    .argument('[files...]', 'Test files or folders (default: every *.test.ts below this folder).')
    .option('--watch', 'Run them again after each change.')
    .addHelpText('after', examples('holdfast functions test', 'holdfast functions test ./to-celsius --json'))
    .action(action(surroundings, testFunctions));
}

async function testFunctions(run: Run, { watch }: Options, files: readonly string[] = []): Promise<void> {
  const { runAuthorTests } = await import('../../run-author-tests.ts');
  const patterns = await Promise.all(files.map(patternOf));
  await refuseNone(patterns.length > 0 ? patterns : nodesOwn);
  await refreshTypePaths(process.cwd());
  await runAuthorTests({ patterns, watch: watch ?? false, json: run.out.json, signal: run.signal });
}

/** What node's runner looks for when no file is named. */
const nodesOwn = [
  '**/{*.test,*-test,*_test,test-*,test}.{js,mjs,cjs,ts,mts,cts}',
  '**/test/**/*.{js,mjs,cjs,ts,mts,cts}',
];

/** Node's runner calls nothing at all a success. */
async function refuseNone(patterns: readonly string[]): Promise<void> {
  for await (const _ of glob(patterns, { exclude: ['**/node_modules/**'] })) return;
  throw new CliError('notFound', 'There are no tests below this folder.', {
    hint: 'Write one, such as index.test.ts; holdfast functions new shows how.',
  });
}

async function patternOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new CliError('notFound', `There are no tests at ${path}: no such file or folder.`);
  return found.isDirectory() ? join(path, '**/*.test.{ts,mts,js,mjs}') : path;
}
