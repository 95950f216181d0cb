import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { World, worldDevice } from '../support/world.ts';

type Status = { readonly phase: string; readonly applied: { readonly generation: number } };

test('a machine is restored to what it ran, not to a generation that it had given up or that is held back', async () => {
  await using world = await World.open();
  const machineFile = join(world.folder, 'machine.yaml');
  const deploy = async (sections: object, ...more: string[]) => {
    const head = { apiVersion: 'holdfast/v1', kind: 'Machine', metadata: { name: worldDevice } };
    const file = join(world.folder, 'source.json');
    await writeFile(file, JSON.stringify({ ...head, ...sections }));
    return world.cli('deploy', file, '--out', machineFile, '--wait', '30s', ...more);
  };
  const restore = async (...more: string[]) => {
    await world.agent?.stop('SIGKILL');
    await rm(world.root, { recursive: true });
    const { token } = (await world.json('devices', 'enrol', worldDevice)) as { token: string };
    const restored = await world.cli('restore', machineFile, '--token', token, ...more);
    expect(restored).toMatchObject({ code: 0 });
    await world.startAgent();
    return restored;
  };

  await world.push('first');
  const which = { bundle: 'functions/which:latest' };
  expect(await deploy({ functions: { which } })).toMatchObject({ code: 0 });
  // It has no handler for requests.
  const bad = await deploy({ functions: { which: { ...which, on: [{ http: '/' }] } } });
  expect(bad.code).toBe(1);

  const { stdout, stderr } = await restore();
  expect(stdout).toContain(`${worldDevice} is back: generation 1 `);
  expect(stderr).toMatch(/generation 2, which the cloud wants, (failed|was r\w+).* the machine: .*which/);
  expect(await world.running()).toBe('first');
  const status = (await world.json('status')) as Status;
  expect(status.applied.generation).toBe(1);
  expect(['rolledBack', 'rejected', 'failed']).toContain(status.phase);

  const staged = await deploy({ streams: { notes: { topics: ['notes/#'] } } }, '--stage');
  expect(staged).toMatchObject({ code: 0 });
  expect(JSON.parse((await restore('--json')).stdout)).toMatchObject({
    ...{ generation: 1, newerThanFile: false, passedOver: { generation: 3, reason: null } },
  });
  expect(await world.running()).toBe('first');
  await world.json('activate', worldDevice, '--wait');
  expect((await world.json('status')) as Status).toMatchObject({
    phase: 'committed',
    applied: { generation: 3 },
  });
}, 120_000);
