import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { startDaemon } from '../support/cli.ts';
import { World, worldDevice } from '../support/world.ts';

jest.setTimeout(180_000);

let world: World;

beforeAll(async () => {
  world = await World.open();
});
afterAll(() => world[Symbol.asyncDispose]());

type Status = {
  cloud: { connected: boolean };
  applied: { generation: number };
  tenant: string | null;
  phase: string;
};

test('a machine that came back without a cloud keeps running what it has when it is enrolled, and follows the cloud', async () => {
  await world.push('one');
  expect(await world.deploy()).toMatchObject({ code: 0 });
  const bundle = join(world.folder, 'machine.hfb');
  // Tags become digests, and what is not on this machine comes from the cloud.
  const exported = await world.json(
    'export',
    join(world.folder, 'machine.source.yaml'),
    '-o',
    bundle,
    '--root',
    join(world.folder, 'none'),
  );
  expect(exported).toMatchObject({ components: 1, data: false });
  await world.agent?.stop();

  const root = join(world.folder, 'second');
  const restored = await world.json('restore', bundle, '--root', root);
  expect(restored).toMatchObject({ device: worldDevice, enrolled: false, generation: 1 });
  const up = ['agent', 'up', '--root', root, '--mqtt-port', '0'];
  const status = async (): Promise<Status> => (await world.json('status', '--root', root)) as Status;
  {
    await using _alone = await startDaemon(up, world.env);
    expect(await status()).toMatchObject({
      tenant: null,
      cloud: { connected: false },
      applied: { generation: 1 },
    });
    expect(await world.json('invoke', 'which', '--root', root)).toMatchObject({ result: 'one' });
  }
  const { token } = (await world.json('devices', 'enrol', worldDevice)) as { token: string };
  await using _enrolled = await startDaemon([...up, '--token', token], world.env);
  expect(await world.json('invoke', 'which', '--root', root)).toMatchObject({ result: 'one' });
  await world.push('two');
  expect(await world.deploy()).toMatchObject({ code: 0 });
  const after = await status();
  expect(after).toMatchObject({ cloud: { connected: true }, phase: 'committed' });
  expect(after.tenant).not.toBeNull();
  expect(await world.json('invoke', 'which', '--root', root)).toMatchObject({ result: 'two' });
});
