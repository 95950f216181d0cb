import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdirSync, openSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { builtProgram } from '../support/built-program.ts';
import { nodeFlags, runCli, temporaryFolder, type CliResult } from '../support/cli.ts';

jest.setTimeout(120_000);

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
const at = (...names: string[]) => join(folder.path, ...names);
const env = () => ({ HOME: folder.path, XDG_CACHE_HOME: at('cache'), HOLDFAST_VAULT_PASSWORD: 'for tests' });
const cli = (...parameters: string[]): Promise<CliResult> => runCli(parameters, { env: env() });
const inRepository = (...parameters: string[]) => cli(...parameters, '--repository', at('repository'));

beforeAll(async () => {
  folder = await temporaryFolder();
  mkdirSync(at('data'));
  writeFileSync(at('data', 'file'), 'some');
  await inRepository('vault', 'init');
  await inRepository('snapshot', 'take', at('data'));
  await inRepository('snapshot', 'take', at('data'));
});

afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

function start(parameters: readonly string[], stdout: number | 'pipe') {
  const program = [...nodeFlags, builtProgram(), ...parameters, '--repository', at('repository')];
  return spawn(process.execPath, program, {
    env: { ...process.env, ...env() },
    stdio: ['ignore', stdout, 'pipe'],
  });
}

test('a file that did not fit where stdout goes is a failure', async () => {
  const child = start(['snapshot', 'cat', 'latest', 'file'], openSync('/dev/full', 'w'));
  const said: string[] = [];
  child.stderr?.on('data', (bytes: Buffer) => said.push(bytes.toString()));
  const [code] = (await once(child, 'close')) as [number];
  expect([code, said.join('')]).toEqual([
    9,
    expect.stringMatching(/^error: Cannot write to stdout: ENOSPC.*\n$/),
  ]);
});

test('what was to be removed goes, though nobody reads the remarks', async () => {
  const child = start(['snapshot', 'forget', '--keep-last', '1', '--yes', '--prune'], 'pipe');
  child.stderr?.destroy();
  const said: string[] = [];
  child.stdout?.on('data', (bytes: Buffer) => said.push(bytes.toString()));
  const [code] = (await once(child, 'close')) as [number];
  expect([code, said.join('')]).toEqual([0, expect.stringMatching(/^Forgot 1 snapshot\. Freed/)]);
});

test('a location that is empty, as of a variable that is not set, does not stand for the folder one is in', async () => {
  const ends = await Promise.all([
    cli('vault', 'init', '--repository', ''),
    inRepository('snapshot', 'restore', 'latest', '--target', '', '--replace', '--yes'),
  ]);
  expect(ends.map(({ code, stderr }) => [code, stderr.split('\n')[0]])).toEqual([
    [2, 'error: --repository is empty.'],
    [2, 'error: --target is empty.'],
  ]);
});

test('what is no folder is said to be none', async () => {
  const file = at('data', 'file');
  const ends = await Promise.all([
    inRepository('snapshot', 'take', at('nowhere')),
    inRepository('snapshot', 'take', file),
    cli('vault', 'init', '--repository', file),
  ]);
  expect(ends.map(({ code, stderr }) => [code, stderr.split('\n')[0]])).toEqual([
    [4, `error: Cannot snapshot ${at('nowhere')}: there is no such folder.`],
    [2, `error: Cannot snapshot ${file}: it is no folder.`],
    [8, `error: Cannot make the folder ${file}/data: something else is in its place`],
  ]);
});

test('a file where a folder has to be is said in words, whichever command meets it', async () => {
  const file = at('data', 'file');
  await writeFile(
    at('machine.yaml'),
    'apiVersion: holdfast/v1\nkind: Machine\nmetadata: { name: kiosk-1 }\n',
  );
  const ends = await Promise.all([
    inRepository('snapshot', 'restore', 'latest', '--target', join(file, 'x')),
    inRepository('snapshot', 'restore', 'latest', '--target', join(file, 'x'), '--dry-run'),
    cli('cloud', 'up', '--folder', file),
    cli('cloud', 'up', '--folder', join(file, 'x')),
    cli('agent', 'up', '--root', file),
    cli('agent', 'up', '--root', join(file, 'x')),
    cli('restore', at('machine.yaml'), '--token', 'none', '--root', file),
    cli('snapshot', 'list', '--root', join(file, 'x')),
    cli('vault', 'check', '--root', file),
    cli('status', '--root', join(file, 'x')),
    cli('snapshot', 'list', '--repository', join(file, 'x')),
    inRepository('snapshot', 'list', '--password-file', join(file, 'x')),
  ]);
  for (const { code, stderr } of ends) {
    expect(stderr).not.toMatch(/\bE[A-Z]{4,}\b/);
    expect([4, 8]).toContain(code);
    expect(stderr).toMatch(/^error: .+\nhint: .+\n$/);
  }
});

test('a server that asks for a login is said to, with where to put it', async () => {
  await using server = createServer((_request, response) => response.writeHead(401).end());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const { code, stderr } = await cli('snapshot', 'list', '--repository', `rest:http://127.0.0.1:${port}/`);
  expect([code, stderr]).toEqual([
    5,
    expect.stringContaining('\nhint: Log in by the address: rest:https://USER:PASSWORD@'),
  ]);
});

test('where no folder can be made in the cache a snapshot is taken all the same, and that it remembers nothing is said', async () => {
  const elsewhere = { ...env(), XDG_CACHE_HOME: at('data', 'file') };
  const taken = await runCli(['snapshot', 'take', at('data'), '--repository', at('repository')], {
    env: elsewhere,
  });
  expect(taken).toMatchObject({ code: 0, stdout: expect.stringContaining('Snapshot') as unknown });
  expect(taken.stderr).toContain('Nothing is remembered for the next snapshot');
});
