import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { hashPassword } from '../../lib/password.ts';
import { runCli, type CliResult } from '../support/cli.ts';
import { connectTo, eventually, password } from '../support/data-plane.ts';
import { World, worldDevice } from '../support/world.ts';

jest.setTimeout(180_000);

/** A real cloud and a real agent: how an operator steers a device by its shadows. */

const device = worldDevice;
let world: World;

const shadow = (...parameters: string[]) => world.cli('shadow', ...parameters);

function documentOf({ code, stdout, stderr }: CliResult): Record<string, unknown> {
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as Record<string, unknown>;
}

beforeAll(async () => {
  world = await World.open();
  await world.deployMachine({
    clients: { sensor: { password: await hashPassword(password), publish: ['#'], subscribe: ['#'] } },
  });
});

afterAll(() => world[Symbol.asyncDispose]());

test('what an operator desires reaches the device, and what it reports comes back', async () => {
  const none = await shadow('ls', device);
  expect(none.stdout).toContain('kiosk-1 has no shadows yet');
  const { port } = world.agent?.ready.mqtt as { port: number };
  await using link = await connectTo(port);
  const deltas: string[] = [];
  link.client.on('message', (_topic, payload) => deltas.push(payload.toString()));
  await link.client.subscribeAsync('shadow/lamp/update/delta', { qos: 1 });

  const made = documentOf(await shadow('set', device, 'lamp', '--desired', '{"level": 5}', '--json'));
  expect(made).toMatchObject({ state: { desired: { level: 5 }, delta: { level: 5 } }, version: 1 });
  await eventually(() => deltas.length === 1);
  expect(JSON.parse(deltas[0]!)).toMatchObject({ state: { level: 5 } });
  const report = JSON.stringify({ state: { reported: { level: 5, note: '\u009b31m' } } });
  await link.client.publishAsync('shadow/lamp/update', report, { qos: 1 });
  await eventually(async () => documentOf(await shadow('get', device, 'lamp')).version === 2);

  const { stdout } = await shadow('get', device, 'lamp');
  expect(stdout).toContain('\n    "reported": {\n      "level": 5,\n      "note": "\\u009b31m"\n');
  expect(JSON.parse(stdout)).toEqual(documentOf(await shadow('get', device, 'lamp', '--json')));
  const listed = documentOf(await shadow('ls', device, '--json'));
  expect(listed).toMatchObject({ device, shadows: [{ name: 'lamp', version: 2 }] });
  expect((await shadow('ls', device)).stdout).toMatch(/^SHADOW +VERSION +CHANGED\nlamp +2 +20/);
});

test('a file or stdin is taken as well, and a condition holds', async () => {
  const file = join(world.folder, 'state.json');
  await writeFile(file, '{"mode": "eco"}');
  const set = (...parameters: string[]) => shadow('set', device, 'heater', ...parameters);
  expect(documentOf(await set('--desired-file', file, '--if-version', '0')).version).toBe(1);
  const again = await set('--desired-file', file, '--if-version', '0');
  expect(again).toMatchObject({ code: 8, stdout: '' });
  expect(again.stderr).toBe(
    'error: The shadow heater of kiosk-1 exists already; nothing was changed.\n' +
      'hint: holdfast shadow get kiosk-1 heater shows what it is now.\n',
  );
  const fromStdin = runCli(['shadow', 'set', device, 'heater', '--reported-file', '-', '--desired', 'null'], {
    env: world.env,
    input: '{"mode": "off"}',
  });
  expect(documentOf(await fromStdin)).toMatchObject({ state: { reported: { mode: 'off' } }, version: 2 });
  expect(await shadow('delete', device, 'heater', '--if-version', '1')).toMatchObject({ code: 8 });
  const deleted = await shadow('delete', device, 'heater', '--if-version', '2');
  expect(deleted).toMatchObject({ code: 0, stdout: 'Deleted the shadow heater of kiosk-1.\n' });
  expect(await shadow('get', device, 'heater')).toMatchObject({ code: 4 });
  expect(await shadow('delete', device, 'heater')).toMatchObject({ code: 4 });
});

test('what cannot be is refused, with what to do', async () => {
  const broken = join(world.folder, 'broken.json');
  await writeFile(broken, '{"mode": ');
  const set = (...parameters: string[]) => shadow('set', device, 'lamp', ...parameters);
  const refused = await Promise.all([
    set('--desired', '{level: 5}'),
    set('--desired', '[1]'),
    set('--desired', '{}', '--desired-file', broken),
    set(),
    set('--desired-file', broken),
    set('--desired-file', join(world.folder, 'absent.json')),
    set('--desired', JSON.stringify({ deep: JSON.parse('['.repeat(9) + ']'.repeat(9)) as unknown })),
    set('--desired', JSON.stringify({ text: 'x'.repeat(31 * 1024) })),
    shadow('set', 'nobody', 'lamp', '--desired', '{}'),
    shadow('ls', 'nobody'),
    shadow('get', device, 'a/b'),
  ]);
  expect(refused.map(({ code }) => code)).toEqual([2, 2, 2, 2, 3, 4, 3, 3, 4, 4, 2]);
  expect(refused[0].stderr).toContain('It is no JSON');
  expect(refused[1].stderr).toContain('It must be a JSON object, or null to take all of it away.');
  expect(refused[4].stderr).toContain(`Cannot use the state ${broken}: It is no JSON`);
  expect(refused[8].stderr).toContain('nobody');
});
