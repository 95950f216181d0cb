import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { runCli, spawnCli, temporaryFolder, type CliResult } from '../support/cli.ts';
import { makeNastyTree } from '../support/nasty-tree.ts';
import { treeDifferences, treeEntries } from '../support/tree-entries.ts';

jest.setTimeout(300_000);

/** Any folder into any restic repository, by the command line alone; Debian's restic reads what it made. */

const password = 'correct horse battery staple';
const run = promisify(execFile);

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let env: Record<string, string>;

const at = (...names: string[]) => join(folder.path, ...names);
const cli = (...parameters: string[]): Promise<CliResult> => runCli(parameters, { env });

async function json(...parameters: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await cli(...parameters, '--json');
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return JSON.parse(stdout) as Record<string, unknown>;
}

async function lines(...parameters: string[]): Promise<Record<string, unknown>[]> {
  const { stdout } = await cli(...parameters, '--json');
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

async function restic(repository: string, ...parameters: string[]): Promise<string> {
  const { stdout } = await run('restic', ['-r', repository, '--no-cache', ...parameters], {
    env: { ...process.env, RESTIC_PASSWORD: password },
  });
  return stdout;
}

async function take(...parameters: string[]): Promise<string> {
  const { id } = await json('snapshot', 'take', ...parameters);
  return id as string;
}

beforeAll(async () => {
  folder = await temporaryFolder();
  env = {
    HOME: folder.path,
    XDG_CACHE_HOME: at('cache'),
    HOLDFAST_REPOSITORY: at('repository'),
    HOLDFAST_VAULT_PASSWORD: password,
  };
  await json('vault', 'init');
});

afterAll(async () => folder[Symbol.asyncDispose]());

test('a folder comes back as it was, by us and by restic', async () => {
  makeNastyTree(at('nasty'));
  const expected = treeEntries(at('nasty'));
  const first = await cli('snapshot', 'take', at('nasty'), '--tag', 'first');
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(first.stdout).toMatch(/^Snapshot [0-9a-f]{8} of \S+nasty: \d+ files, /);
  const again = await json('snapshot', 'take', at('nasty'), '--skip-unchanged');
  expect(again).toMatchObject({ skipped: true, files: { new: 0, changed: 0 } });
  const remembered = readdirSync(at('cache', 'holdfast', 'vault'));
  expect(remembered).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/), expect.stringMatching(/\.entries$/)]);

  const back = await cli('snapshot', 'restore', `latest:${at('nasty')}`, '--target', at('back'));
  expect([back.code, back.stdout]).toEqual([0, expect.stringMatching(/^Restored snapshot [0-9a-f]{8} to /)]);
  expect(back.stderr).toMatch(/^ {2}to \S+back: .+ needed, .+ free$/m);
  expect(treeDifferences(expected, treeEntries(at('back')))).toEqual([]);

  await restic(at('repository'), 'check', '--read-data');
  await restic(at('repository'), 'restore', 'latest', '--target', at('back-by-restic'));
  expect(treeDifferences(expected, treeEntries(at('back-by-restic')))).toEqual([]);
});

test('what restic wrote is listed, read and restored', async () => {
  const repository = at('by-restic');
  mkdirSync(at('data', 'reports'), { recursive: true });
  writeFileSync(at('data', 'reports', 'may.csv'), 'a,b\n1,2\n');
  await restic(repository, 'init');
  await restic(repository, 'backup', at('data'), '--host', 'elsewhere', '--tag', 'old');
  const where = ['--repository', repository] as const;
  const [listed, found, printed, restored] = await Promise.all([
    json('snapshot', 'list', ...where),
    lines('snapshot', 'find', '*.csv', ...where),
    cli('snapshot', 'cat', 'latest', `${at('data')}/reports/may.csv`, ...where),
    json('snapshot', 'restore', 'latest', '--path', at('data'), '--target', at('its-data'), ...where),
  ]);
  expect(listed).toMatchObject({
    snapshots: [{ hostname: 'elsewhere', tags: ['old'], paths: [at('data')] }],
  });
  expect(found).toMatchObject([{ path: at('data', 'reports', 'may.csv'), size: 8 }]);
  expect(printed).toMatchObject({ code: 0, stdout: 'a,b\n1,2\n', stderr: '' });
  expect(restored).toMatchObject({ files: 1, problemCount: 0, placed: true });
  expect(readdirSync(at('its-data', 'data', 'reports'))).toEqual(['may.csv']);
});

test('two snapshots are compared, and what is in one is listed', async () => {
  mkdirSync(at('work', 'sub'), { recursive: true });
  for (const name of ['kept', 'changed', 'gone', join('sub', 'deep')])
    writeFileSync(at('work', name), `${name}\n`);
  const before = await take(at('work'));
  appendFileSync(at('work', 'changed'), 'more\n');
  rmSync(at('work', 'gone'));
  writeFileSync(at('work', 'sub', 'new'), '');
  writeFileSync(at('work', 'left-out.tmp'), '');
  const after = await take(at('work'), '--exclude', '*.tmp', '--parent', before.slice(0, 10));
  const [diff, short, long, all] = await Promise.all([
    cli('snapshot', 'diff', before.slice(0, 8), after.slice(0, 8)),
    cli('snapshot', 'ls', after),
    cli('snapshot', 'ls', after, 'sub', '-l'),
    lines('snapshot', 'ls', after, '-R'),
  ]);
  expect(diff.stdout).toBe('M /changed  (8 B → 13 B)\n- /gone\n+ /sub/new\n');
  expect(diff.stderr).toMatch(/1 added, 1 removed, 1 changed, \d in their metadata only\.\n$/);
  expect(short.stdout).toBe('changed\nkept\nsub/\n');
  expect(long.stdout).toMatch(/^-rw\S{7} \S+ +\S+ +9 \d{4}-\d\d-\d\d \d\d:\d\d:\d\d deep\n/);
  expect(all.map(({ path }) => path)).toEqual(['/changed', '/kept', '/sub', '/sub/deep', '/sub/new']);
});

test('Ctrl-C ends a snapshot, and the repository is as it was', async () => {
  mkdirSync(at('large'));
  // Nothing to compress: what is stored is what is read.
  for (let index = 0; index < 4; index++) writeFileSync(at('large', `${index}`), randomBytes(4 * 2 ** 20));
  const child = spawnCli(['snapshot', 'take', at('large'), '--limit', '64KiB/s', '--verbose'], env);
  const ended = new Promise((resolve) => child.once('close', resolve));
  const isUnderWay = async () => (await restic(at('repository'), 'list', 'locks')).trim() !== '';
  while (child.exitCode === null && !(await isUnderWay())) await new Promise((go) => setTimeout(go, 100));
  child.kill('SIGINT');
  expect(await ended).toBe(130);
  const [listed, locks] = await Promise.all([
    json('snapshot', 'list', at('large')),
    restic(at('repository'), 'list', 'locks'),
  ]);
  expect([listed.snapshots, locks.trim()]).toEqual([[], '']);
  await restic(at('repository'), 'check');
});

test('a reader that closes the pipe ends a cat quietly', async () => {
  mkdirSync(at('long'));
  writeFileSync(at('long', 'zeros'), Buffer.alloc(32 * 2 ** 20));
  await take(at('long'));
  const child = spawnCli(['snapshot', 'cat', `latest:${at('long')}`, 'zeros'], env);
  const ended = new Promise((resolve) => child.once('close', resolve));
  const errors: string[] = [];
  child.stderr?.on('data', (chunk: Buffer) => errors.push(chunk.toString()));
  child.stdout?.once('data', () => child.stdout?.destroy());
  expect([await ended, errors.join('')]).toEqual([0, '']);
});

test('wrong inputs are said with what to do', async () => {
  const id = await take(at('cache'), '--no-memory');
  const typo = `${id.slice(0, 7)}${id[7] === '0' ? '1' : '0'}`;
  writeFileSync(at('wrong'), 'wrong\n');
  mkdirSync(at('full', 'inner'), { recursive: true });
  const noSecret = { ...env, HOLDFAST_VAULT_PASSWORD: '' };
  const results = await Promise.all([
    cli('snapshot', 'list', '--repository', at('nowhere')),
    cli('snapshot', 'list', '--password-file', at('wrong')),
    cli('snapshot', 'ls', typo),
    cli('snapshot', 'ls', 'latest:nothing'),
    cli('snapshot', 'restore', id, '--target', at('full')),
    cli('snapshot', 'restore', id, '--target', at('full'), '--replace'),
    cli('snapshot', 'cat', id, 'not/there'),
    cli('snapshot', 'take'),
    runCli(['snapshot', 'list'], { env: noSecret }),
    cli('snapshot', 'list', '--repository', 's3:bucket'),
    cli('snapshot', 'take', at('missing')),
  ]);
  expect(results.map(({ code }) => code)).toEqual([4, 5, 4, 4, 8, 2, 4, 2, 2, 3, 4]);
  const [noRepository, , nearest, , full, replace] = results.map(({ stderr }) => stderr);
  expect(noRepository).toContain(`holdfast vault init --repository ${at('nowhere')}`);
  expect(nearest).toContain(`Did you mean ${id.slice(0, 8)}`);
  expect(full).toContain('--replace');
  expect(replace).toContain('--yes');
  expect(readdirSync(at('full'))).toEqual(['inner']);
});
