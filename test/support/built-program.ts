import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { keptBuild } from './kept-builds.ts';

const root = join(import.meta.dirname, '../..');
/** What the build reads. */
const sources = [
  ...['agent', 'cli', 'cloud-sync', 'desktop', 'functions', 'lib', 'manifests', 'scripts'],
  'test/support',
];
const builds = join(root, 'node_modules/.cache/holdfast-program');
let built: string | undefined;

/**
 * Path of the program as users get it, for tests that start it: sources take twice as long to start. Built when the first test asks for it
 * since a source changed, and kept for the next runs. Throws what the build said when it fails.
 */
export function builtProgram(): string {
  return join((built ??= folderOfBuild()), 'holdfast.mjs');
}

/** The same of `test/support/NAME.ts`, one of those that tests start as processes. */
export function builtChild(name: `${string}-child`): string {
  return join((built ??= folderOfBuild()), `${name}.mjs`);
}

function folderOfBuild(): string {
  return keptBuild(builds, fingerprint(), (folder) => {
    for (const script of ['scripts/build.ts', 'test/support/build-children.ts']) {
      const parameters = ['--disable-warning=ExperimentalWarning', join(root, script), folder];
      const { status, stderr } = spawnSync(process.execPath, parameters, { encoding: 'utf8' });
      if (status !== 0) throw new Error(`${script} failed: ${stderr}`);
    }
  });
}

/** Of everything that the build reads: where it is, how large, and when it was written. */
function fingerprint(): string {
  const hash = createHash('sha256');
  const add = (path: string): void => {
    const { mtimeMs, size } = statSync(path);
    hash.update(`${path} ${mtimeMs} ${size}\n`);
  };
  add(join(root, 'package-lock.json'));
  for (const source of sources)
    for (const entry of readdirSync(join(root, source), { recursive: true, withFileTypes: true }))
      if (entry.isFile() && !entry.name.endsWith('.test.ts')) add(join(entry.parentPath, entry.name));
  return hash.digest('hex').slice(0, 16);
}
