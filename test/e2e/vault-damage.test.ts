import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { runCli, temporaryFolder, type CliResult } from '../support/cli.ts';

jest.setTimeout(120_000);

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
const at = (...names: string[]) => join(folder.path, ...names);
const env = () => ({ HOME: folder.path, XDG_CACHE_HOME: at('cache'), HOLDFAST_VAULT_PASSWORD: 'for tests' });
const cli = (...parameters: string[]): Promise<CliResult> =>
  runCli([...parameters, '--repository', at('repository')], { env: env() });
const files = (type: string) =>
  readdirSync(at('repository', type), { recursive: true, encoding: 'utf8' }).filter((name) =>
    /[0-9a-f]{64}$/.test(name),
  );

/** Its id. */
async function take(): Promise<string> {
  const { stdout } = await cli('snapshot', 'take', at('data'), '--json');
  return (JSON.parse(stdout) as { id: string }).id;
}

beforeEach(async () => {
  folder = await temporaryFolder();
  for (const name of ['a', 'b']) mkdirSync(at('data', name), { recursive: true });
  for (const name of ['a', 'b']) writeFileSync(at('data', name, 'file'), 'first');
  await cli('vault', 'init');
});

afterEach(async () => {
  await folder[Symbol.asyncDispose]();
});

test('a difference goes on past a folder that cannot be read, and says at its end that there was one', async () => {
  const first = await take();
  const before = new Set(files('data'));
  writeFileSync(at('data', 'a', 'file'), 'second of a');
  await take();
  const packs = files('data').filter((name) => !before.has(name));
  writeFileSync(at('data', 'b', 'file'), 'third of b');
  const third = await take();
  for (const pack of packs) rmSync(at('repository', 'data', pack));

  const { code, stdout, stderr } = await cli('snapshot', 'diff', first, third);
  expect([code, stdout]).toEqual([7, 'M /b/file  (5 B → 10 B)\n']);
  expect(stderr).toContain('Cannot read /a: ');
  expect(stderr).toContain('0 added, 0 removed, 1 changed');
  expect(stderr).toContain('error: 1 folder of the snapshot could not be read.\n');
  expect(stderr).toContain(
    `hint: See what else is damaged: holdfast vault check --repository ${at('repository')}.\n`,
  );
});

test('a folder that can be read in neither of two snapshots is one', async () => {
  await take();
  const before = new Set(files('data'));
  writeFileSync(at('data', 'a', 'file'), 'second of a');
  const second = await take();
  writeFileSync(at('data', 'a', 'file'), 'the third of a');
  const third = await take();
  for (const pack of files('data').filter((name) => !before.has(name)))
    rmSync(at('repository', 'data', pack));

  const { code, stderr } = await cli('snapshot', 'diff', second, third);
  expect([code, stderr.match(/^Cannot read /gm)?.length]).toEqual([7, 1]);
  expect(stderr).toContain('error: 1 folder of the snapshot could not be read.\n');
});

test('a parent is found by its id though another snapshot file is damaged', async () => {
  const first = await take();
  const second = await take();
  writeFileSync(at('repository', 'snapshots', first), 'damaged');
  const taken = await cli('snapshot', 'take', at('data'), '--parent', second.slice(0, 12));
  expect([taken.code, taken.stdout]).toEqual([0, expect.stringContaining('0 new, 0 changed, 2 as before')]);
  expect(taken.stderr).toContain(`Snapshot ${first} is damaged: `);
});

test('nothing to look for is refused', async () => {
  await take();
  const { code, stderr } = await cli('snapshot', 'find', '');
  expect([code, stderr]).toEqual([
    2,
    'error: A pattern is empty.\nhint: Name a file; * finds all of them.\n',
  ]);
});

test('a repository that has lost its config is said to be one, and nobody is told to make another', async () => {
  await take();
  rmSync(at('repository', 'config'));
  const { code, stderr } = await cli('snapshot', 'list');
  expect(code).toBe(7);
  expect(stderr).toMatch(
    /^error: The repository in .*repository has lost its file "config"\nhint: Bring that file back/,
  );
  expect(stderr).not.toContain('vault init');
});
