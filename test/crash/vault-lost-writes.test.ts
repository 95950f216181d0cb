import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from '@jest/globals';
import { masterKeyBytes } from '../../cloud-sync/vault/format/master-key.ts';
import { builtChild } from '../support/built-program.ts';
import { peerTest, type Peer } from '../support/peers.ts';
import { ResticRepository } from '../support/restic-repository.ts';

const loopDevices: Peer = {
  name: 'loop devices',
  probe: ['unshare', '--mount', 'sh', '-c', 'test -w /dev/loop-control'],
};

/** A disk of 128 MB with room for 16, in mounts that nobody else sees and that go with their process. */
const script = `set -e
mkdir "$1/store" "$1/disk"
mount -t tmpfs -o size=16m tmpfs "$1/store"
truncate -s 128M "$1/store/disk"
mkfs.ext4 -q -O ^has_journal -E nodiscard "$1/store/disk"
mount -o loop "$1/store/disk" "$1/disk"
shift
exec "$@"`;

peerTest(
  ['restic', 'mkfs.ext4', loopDevices],
  '[G8] what a disk lost is not believed because the system remembers it: the next restore brings it',
  async () => {
    await using repository = await ResticRepository.create();
    await mkdir(repository.data, { recursive: true });
    for (let file = 0; file < 400; file++)
      await writeFile(join(repository.data, `${file}`), randomBytes(60_000));
    const snapshot = await repository.backup();
    const place = repository.beside('place');
    await mkdir(place);
    const child = [
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      builtChild('lost-writes-child'),
    ];
    const [store, target] = [join(place, 'store'), join(place, 'disk', 'target')];
    const key = Buffer.from(masterKeyBytes(repository.ours.key)).toString('hex');
    const args = [repository.folder, snapshot, repository.data, target, store, key];
    const shell = ['sh', '-c', script, 'sh', place, ...child, ...args];
    const { stdout } = await promisify(execFile)('unshare', ['--mount', ...shell]);
    expect(JSON.parse(stdout)).toEqual({
      failure: expect.stringContaining('syncfs'),
      placed: true,
      differences: [],
    });
  },
  120_000,
);
