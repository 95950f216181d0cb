import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { isolationPeers, until } from '../support/launched.ts';
import { peerTest } from '../support/peers.ts';
import { smallRootfs } from '../support/small-rootfs.ts';
import { World } from '../support/world.ts';

peerTest(
  isolationPeers.sandbox,
  "[G2] a version that spoils its data and is not well goes, and the data of before it is back from the cloud's vault",
  async () => {
    await using world = await World.open();
    const tree = smallRootfs(join(world.folder, 'tree'));
    const options = ['--tag', 'acme/book:latest', '--push', '--env', 'PATH=/bin'];
    await world.json('image', 'build', tree, ...options, '--entrypoint', '["sh","-c"]');
    const deploy = (version: string, script: string) =>
      world.deployMachine({
        volumes: { pages: { snapshot: '0 3 * * *' } },
        apps: {
          book: {
            ...{ image: 'acme/book:latest', isolation: 'sandbox', volumes: { '/data': 'pages' } },
            run: { command: ['sh', '-c', script] },
            health: { exec: ['cat', `/run/holdfast/${version}-is-well`], every: '1s', grace: '3s' },
          },
        },
      });
    const page = join(world.root, 'volumes/pages/page');
    await deploy(
      'first',
      '[ -e /data/page ] || echo written by the first >/data/page; touch /run/holdfast/first-is-well; exec sleep 1000',
    );
    expect(await readPage(page)).toBe('written by the first\n');

    await expect(
      deploy('second', 'echo spoilt >/data/page; echo more >/data/other; exec sleep 1000'),
    ).rejects.toThrow(/App book is not well/);
    await until(
      async () => ((await readPage(page)) === 'written by the first\n' ? true : undefined),
      'data of before the update',
    );
    await expect(readFile(join(world.root, 'volumes/pages/other'))).rejects.toThrow('ENOENT');
  },
  180_000,
);

function readPage(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}
