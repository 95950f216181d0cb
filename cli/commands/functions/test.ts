import { stat } from 'node:fs/promises';
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
  await refreshTypePaths(process.cwd());
  await runAuthorTests({ patterns, watch: watch ?? false, json: run.out.json, signal: run.signal });
}

async function patternOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new CliError('notFound', `There are no tests at ${path}: no such file or folder.`);
  return found.isDirectory() ? join(path, '**/*.test.{ts,mts,js,mjs}') : path;
}
