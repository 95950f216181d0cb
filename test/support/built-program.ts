import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
/** What the build reads. */
const sources = ['agent', 'cli', 'cloud-sync', 'desktop', 'functions', 'lib', 'manifests', 'scripts'];
const builds = join(root, 'node_modules/.cache/holdfast-program');
/** Of a build that is going on, perhaps another worker's. */
const prefix = 'unfinished-';
let program: string | undefined;

/**
 * Path of the program as users get it, for tests that start it: sources take twice as long to start. Built when the first test asks for it
 * since a source changed, and kept for the next runs. Throws what the build said when it fails.
 */
export function builtProgram(): string {
  program ??= join(folderOfBuild(), 'holdfast.mjs');
  return program;
}

function folderOfBuild(): string {
  const folder = join(builds, fingerprint());
  if (existsSync(folder)) return folder;
  mkdirSync(builds, { recursive: true });
  for (const name of readdirSync(builds))
    if (!name.startsWith(prefix)) rmSync(join(builds, name), { recursive: true, force: true });
  const unfinished = mkdtempSync(join(builds, prefix));
  const build = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(root, 'scripts/build.ts'), unfinished],
    { encoding: 'utf8' },
  );
  if (build.status !== 0) throw new Error(`The program cannot be built: ${build.stderr}`);
  try {
    renameSync(unfinished, folder);
  } catch (error) {
    // Another worker was quicker.
    if (!existsSync(folder)) throw error;
    rmSync(unfinished, { recursive: true });
  }
  return folder;
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
