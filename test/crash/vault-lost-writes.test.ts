import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { masterKeyBytes } from '../../cloud-sync/vault/format/master-key.ts';
import { builtChild } from '../support/built-program.ts';
import { loopDevices, onFailingDisk } from '../support/failing-disk.ts';
import { peerTest } from '../support/peers.ts';
import { ResticRepository } from '../support/restic-repository.ts';

peerTest(
  ['restic', 'mkfs.ext4', loopDevices],
  '[G8] what a disk lost is not believed because the system remembers it: the next restore brings it',
  async () => {
    await using repository = await ResticRepository.create();
    await mkdir(repository.data, { recursive: true });
    for (let file = 0; file < 400; file++)
      await writeFile(join(repository.data, `${file}`), randomBytes(60_000));
    const snapshot = await repository.backup();
    const child = [
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      builtChild('lost-writes-child'),
    ];
    const key = Buffer.from(masterKeyBytes(repository.ours.key)).toString('hex');
    const stdout = await onFailingDisk(repository.beside('place'), (folder) => [
      ...[...child, repository.folder, snapshot, repository.data],
      ...[join(folder, 'disk', 'target'), join(folder, 'store'), key],
    ]);
    expect(JSON.parse(stdout)).toEqual({
      failure: expect.stringContaining('syncfs'),
      placed: true,
      differences: [],
    });
  },
  120_000,
);
