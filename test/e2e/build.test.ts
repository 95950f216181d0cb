import { join } from 'node:path';
import { expect, jest, test } from '@jest/globals';
import { runCli, startDaemon, temporaryFolder } from '../support/cli.ts';
import { treeDifferences, treeEntries } from '../support/tree-entries.ts';

jest.setTimeout(180_000);

/** Parts of the program that are files of their own beside it when it is bundled. */

test('the built program runs a cloud, a device and a function', async () => {
  await using folder = await temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  const env = { HOLDFAST_CONTEXT: at('cloud/operator.json'), HOLDFAST_ROOT: at('device') };
  const cli = (...parameters: string[]) => runCli(parameters, { env });

  expect(await cli('version')).toMatchObject({ code: 0 });
  await using cloud = await startDaemon(['cloud', 'up', '--folder', at('cloud')], env);
  const token = (await cli('devices', 'enrol', 'greenhouse-7')).stdout.trim();
  const talkative = { ...env, DEBUG: '*' };
  const parameters = ['agent', 'up', '--mqtt-port', '0', '--token', token];
  await using agent = await startDaemon(parameters, talkative);
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
  await using folder = await temporaryFolder();
  const project = join(folder.path, 'adder');
  const written = await runCli(['functions', 'new', 'adder', '--template', 'wasm', '--dir', project]);
  expect(written).toMatchObject({ code: 0, stderr: '' });
  const tested = await runCli(['functions', 'test', project, '--json']);
  expect([tested.code, tested.stderr]).toEqual([0, '']);
  expect(JSON.parse(tested.stdout)).toMatchObject({
    name: 'two numbers are added by WebAssembly',
    outcome: 'passed',
  });
});

test('the built program snapshots a folder and gives it back, by its own threads', async () => {
  await using folder = await temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  const env = {
    XDG_CACHE_HOME: at('cache'),
    HOLDFAST_REPOSITORY: at('repository'),
    HOLDFAST_VAULT_PASSWORD: 'for a test',
  };
  const cli = (...parameters: string[]) => runCli(parameters, { env });
  const source = join(import.meta.dirname, '../../docs');
  expect(await cli('vault', 'init')).toMatchObject({ code: 0, stderr: '' });
  expect(await cli('snapshot', 'take', source)).toMatchObject({ code: 0, stderr: '' });
  expect(await cli('snapshot', 'restore', 'latest', '--target', at('back'))).toMatchObject({ code: 0 });
  expect(treeDifferences(treeEntries(source), treeEntries(at('back')))).toEqual([]);
});
