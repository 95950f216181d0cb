import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CliError } from './errors.ts';

export type AuthorTestOptions = {
  /** Files, or glob patterns; node's own patterns when empty. */
  readonly patterns: readonly string[];
  readonly watch: boolean;
  readonly json: boolean;
  readonly signal: AbortSignal;
};

/** Runs tests with node's own runner in a process of its own, to the end. Rejects with CliError `testsFailed`; an abort ends it. */
export async function runAuthorTests({ patterns, watch, json, signal }: AuthorTestOptions): Promise<void> {
  const reporter = json
    ? [`--test-reporter=${ownFile('json-reporter')}`, '--test-reporter-destination=stdout']
    : [];
  const flags = [
    '--disable-warning=ExperimentalWarning',
    '--import',
    ownFile('test-hook'),
    '--test',
    ...reporter,
  ];
  const child = spawn(process.execPath, [...flags, ...(watch ? ['--watch'] : []), ...patterns], {
    stdio: 'inherit',
  });
  const stop = () => child.kill('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    signal.throwIfAborted();
    if (code !== 0) throw new CliError('testsFailed', 'Not every test passed.');
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** A file URL: beside the built program, or among the sources. */
function ownFile(name: string): string {
  const built = new URL(`${name}.mjs`, import.meta.url);
  return existsSync(fileURLToPath(built))
    ? built.href
    : new URL(`../functions/sdk/testing/${name}.ts`, import.meta.url).href;
}
