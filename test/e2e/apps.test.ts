import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { isolationPeers, until } from '../support/launched.ts';
import { peerTest } from '../support/peers.ts';
import { smallRootfs } from '../support/small-rootfs.ts';
import { World } from '../support/world.ts';

type Listed = {
  readonly name: string;
  readonly state: string;
  readonly pid: number | null;
  readonly lock: string | null;
};

async function listed(world: World): Promise<Listed[]> {
  return ((await world.json('apps')) as { apps: Listed[] }).apps;
}

peerTest(
  isolationPeers.sandbox,
  'an image runs, is updated, rolled back when its check fails, and stopped with the agent by Ctrl-C',
  async () => {
    await using world = await World.open();
    const tree = smallRootfs(join(world.folder, 'tree'));
    const build = async (version: number): Promise<void> => {
      await writeFile(join(tree, 'version'), `version ${version}\n`);
      const options = ['--tag', 'acme/web:latest', '--push', '--env', 'PATH=/bin'];
      await world.json('image', 'build', tree, ...options, '--entrypoint', '["sh","-c"]');
    };
    const deploy = (script: string) =>
      world.deployMachine({
        apps: {
          web: {
            ...{ image: 'acme/web:latest', isolation: 'sandbox', run: { command: ['sh', '-c', script] } },
            health: { exec: ['cat', '/run/holdfast/well'], every: '1s', grace: '5s' },
          },
        },
      });
    const well = 'cat /version; touch /run/holdfast/well; exec sleep 1000';

    await build(1);
    await deploy(well);
    const [first] = await listed(world);
    expect(first).toMatchObject({ name: 'web', state: 'running', lock: null });

    await build(2);
    await expect(deploy('cat /version; echo out of paper >&2; exit 4')).rejects.toThrow(
      /App web exited with code 4 .*last line: out of paper/,
    );
    // Reported as rolled back when that is decided; it starts after that.
    await until(
      async () => ((await listed(world))[0]?.state === 'running' ? true : undefined),
      'app that runs again',
    );
    await deploy(well);
    const said = await world.cli('logs', '--app', 'web', '--json');
    expect(said.stdout).toContain('"message":"version 1"');
    expect(said.stdout).toContain('"message":"version 2"');

    await world.json('apps', 'lock', 'web', '--reason', 'batch 7', '--for', '1m');
    expect(await listed(world)).toMatchObject([{ lock: 'batch 7' }]);
    await world.json('apps', 'unlock', 'web');
    expect(await world.json('apps', 'stop', 'web')).toMatchObject({ state: 'stopped' });
    expect((await listed(world))[0]?.pid).toBeNull();
    await world.json('apps', 'start', 'web');
    const [last] = await listed(world);
    expect((await world.cli('apps', 'stop', 'nobody')).code).toBe(4);

    await world.agent?.stop('SIGINT');
    expect(existsSync(`/proc/${last?.pid ?? 0}`)).toBe(false);
  },
  180_000,
);
