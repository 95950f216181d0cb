import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { build, type BuildOptions } from 'esbuild';
import { commonChunk } from '../../scripts/common-chunk.ts';

/** Three commands, each two of which share a module: three chunks, were it not for what is tested. */
const sources = {
  'entry.ts': "void Promise.all([import('./one.ts'), import('./two.ts'), import('./three.ts')]);",
  'one.ts': "import { a } from './a.ts';\nimport { b } from './b.ts';\nexport const one = [a, b];",
  'two.ts': "import { b } from './b.ts';\nimport { c } from './c.ts';\nexport const two = [b, c];",
  'three.ts': "import { c } from './c.ts';\nimport { a } from './a.ts';\nexport const three = [c, a];",
  'a.ts': "export const a = 'alpha';",
  'b.ts': "export const b = 'beta';",
  'c.ts': "import { b } from './b.ts';\nexport const c = `gamma and ${b}`;",
};

let root: string;
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-test-')));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** The names of what lies in chunks that are no commands, by chunk. */
async function chunksOf(changed: Readonly<Record<string, string>> = {}): Promise<string[][]> {
  for (const [name, text] of Object.entries({ ...sources, ...changed })) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), text);
  }
  const options: BuildOptions = {
    absWorkingDir: root,
    entryPoints: { entry: 'entry.ts' },
    ...{ bundle: true, format: 'esm', platform: 'node', splitting: true, outdir: join(root, 'dist') },
    ...{ chunkNames: 'chunk-[hash]', logLevel: 'silent' },
  };
  await build({ ...options, plugins: [await commonChunk(options)] });
  const files = (await readdir(join(root, 'dist'))).filter((name) => name.startsWith('chunk-'));
  const texts = await Promise.all(files.map((name) => readFile(join(root, 'dist', name), 'utf8')));
  return texts
    .map((text) => ['alpha', 'beta', 'gamma'].filter((word) => text.includes(word)))
    .filter((words) => words.length > 0)
    .sort();
}

test('what commands share lies in one chunk', async () => {
  expect(await chunksOf()).toEqual([['alpha', 'beta', 'gamma']]);
});

test.each([
  ['is large', `export const a = 'alpha ${'and so on '.repeat(2000)}';`],
  ['loads much of node', "import { get } from 'node:https';\nexport const a = ['alpha', get];"],
  ['is of a package', "import p from './node_modules/p/p.js';\nexport const a = ['alpha', p];"],
])('what %s stays apart', async (_what, text) => {
  const chunks = await chunksOf({ 'a.ts': text, 'node_modules/p/p.js': 'export default process.title;' });
  expect(chunks).toEqual([['alpha'], ['beta', 'gamma']]);
});

test('the program does what it did', async () => {
  await chunksOf({
    'entry.ts':
      "export const all = async () => { const [{ one }, { two }] = await Promise.all([import('./one.ts'), import('./two.ts')]); return [...one, ...two]; };",
  });
  const entry = (await import(join(root, 'dist/entry.js'))) as { all: () => Promise<string[]> };
  expect(await entry.all()).toEqual(['alpha', 'beta', 'beta', 'gamma and beta']);
});
