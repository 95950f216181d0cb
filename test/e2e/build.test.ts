import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { runCli, startDaemon, temporaryFolder } from '../support/cli.ts';
import { treeDifferences, treeEntries } from '../support/tree-entries.ts';

/** The bundled program, built to a folder from which its packages are found. */

const cache = join(import.meta.dirname, '../../node_modules/.cache');
let built: string;

beforeAll(async () => {
  await mkdir(cache, { recursive: true });
  built = await mkdtemp(join(cache, 'holdfast-build-'));
  await promisify(execFile)(process.execPath, ['scripts/build.ts', built]);
});

afterAll(() => rm(built, { recursive: true, force: true }));

test('the built program runs a cloud, a device and a function', async () => {
  const program = join(built, 'holdfast.mjs');
  await using folder = await temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  const env = { HOLDFAST_CONTEXT: at('cloud/operator.json'), HOLDFAST_ROOT: at('device') };
  const cli = (...parameters: string[]) => runCli(parameters, { env, program });

  expect(await cli('version')).toMatchObject({ code: 0 });
  await using cloud = await startDaemon(['cloud', 'up', '--folder', at('cloud')], env, program);
  const token = (await cli('devices', 'enrol', 'greenhouse-7')).stdout.trim();
  const talkative = { ...env, DEBUG: '*' };
  const parameters = ['agent', 'up', '--mqtt-port', '0', '--token', token];
  await using agent = await startDaemon(parameters, talkative, program);
  expect(await cli('push', 'examples/functions/weather-summary')).toMatchObject({ code: 0 });
  expect(await cli('deploy', 'examples/greenhouse.yaml', '--wait')).toMatchObject({ code: 0 });
  const call = await cli('invoke', 'weather-summary', '--payload', '{"month":"2012-01"}');
  expect(JSON.parse(call.stdout)).toMatchObject({ month: '2012-01', days: 0 });
  expect(await agent.stop()).toBe(0);
  expect(await cloud.stop()).toBe(0);
  // Packets hold payloads; what libraries say of them is not for the log.
  expect(agent.stderr()).not.toMatch(/mqttjs|mqtt-packet/);
});

test('the built program writes a function and runs its test, with nothing else installed', async () => {
  const program = join(built, 'holdfast.mjs');
  await using folder = await temporaryFolder();
  const project = join(folder.path, 'adder');
  const written = await runCli(['functions', 'new', 'adder', '--template', 'wasm', '--dir', project], {
    program,
  });
  expect(written).toMatchObject({ code: 0, stderr: '' });
  const tested = await runCli(['functions', 'test', project, '--json'], { program });
  expect([tested.code, tested.stderr]).toEqual([0, '']);
  expect(JSON.parse(tested.stdout)).toMatchObject({
    name: 'two numbers are added by WebAssembly',
    outcome: 'passed',
  });
});

test('the built program snapshots a folder and gives it back, by its own threads', async () => {
  const program = join(built, 'holdfast.mjs');
  await using folder = await temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  const env = {
    XDG_CACHE_HOME: at('cache'),
    HOLDFAST_REPOSITORY: at('repository'),
    HOLDFAST_VAULT_PASSWORD: 'for a test',
  };
  const cli = (...parameters: string[]) => runCli(parameters, { env, program });
  const source = join(import.meta.dirname, '../../docs');
  expect(await cli('vault', 'init')).toMatchObject({ code: 0, stderr: '' });
  expect(await cli('snapshot', 'take', source)).toMatchObject({ code: 0, stderr: '' });
  expect(await cli('snapshot', 'restore', 'latest', '--target', at('back'))).toMatchObject({ code: 0 });
  expect(treeDifferences(treeEntries(source), treeEntries(at('back')))).toEqual([]);
});
