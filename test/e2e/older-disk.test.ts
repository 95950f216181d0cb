import { cp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, jest, test } from '@jest/globals';
import { hashPassword } from '../../lib/password.ts';
import { connectTo, eventually, password } from '../support/data-plane.ts';
import { World, worldDevice } from '../support/world.ts';

jest.setTimeout(180_000);

async function publish(world: World, payloads: readonly string[]): Promise<void> {
  const { port } = world.agent?.ready.mqtt as { port: number };
  await using link = await connectTo(port);
  for (const payload of payloads) await link.client.publishAsync('site/roof', payload, { qos: 1 });
}

/** Payloads that the cloud has, oldest first. */
async function stored(world: World): Promise<string[]> {
  const { code, stdout } = await world.cli('messages', worldDevice, '--stream', 'site', '--json');
  expect(code).toBe(0);
  const lines = stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => atob((JSON.parse(line) as { payload: string }).payload));
}

const day = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${name} ${index}`);

test('[G5] a device whose folder is put back as it was one start ago loses nothing of what it measures then', async () => {
  await using world = await World.open();
  await world.deployMachine({
    streams: { site: { topics: ['site/#'], relay: {} } },
    clients: { sensor: { password: await hashPassword(password), publish: ['#'] } },
  });
  await publish(world, day('first', 3));
  await eventually(async () => (await stored(world)).length === 3);
  await world.agent?.stop();
  const copy = join(world.folder, 'copy');
  await cp(world.root, copy, { recursive: true, verbatimSymlinks: true });

  await world.startAgent();
  await publish(world, day('second', 5));
  await eventually(async () => (await stored(world)).length === 8);
  await world.agent?.stop();
  await rm(world.root, { recursive: true });
  await rename(copy, world.root);

  await world.startAgent();
  await publish(world, day('third', 9));
  const of = async (name: string) => (await stored(world)).filter((payload) => payload.startsWith(name));
  await eventually(async () => (await of('third')).length === 9);
  expect(await of('third')).toEqual(day('third', 9));
  // The copy may be from before the cloud's answer to these: then they come again.
  for (const payload of [...day('first', 3), ...day('second', 5)])
    expect(await stored(world)).toContain(payload);
  expect(world.agent?.stderr()).toContain('report.overtaken');
});
