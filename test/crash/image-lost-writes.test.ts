import { join } from 'node:path';
import { expect } from '@jest/globals';
import { builtChild } from '../support/built-program.ts';
import { temporaryFolder } from '../support/cli.ts';
import { loopDevices, onFailingDisk } from '../support/failing-disk.ts';
import { peerTest } from '../support/peers.ts';

peerTest(
  ['mkfs.ext4', loopDevices],
  '[G1] an image of which the disk lost files is not unpacked, also when another program was told of it first',
  async () => {
    await using parent = await temporaryFolder();
    const child = [process.execPath, '--disable-warning=ExperimentalWarning', builtChild('lost-tree-child')];
    const blob = join(parent.path, 'blob');
    const stdout = await onFailingDisk(parent.path, (folder) => [...child, folder, blob]);
    expect(JSON.parse(stdout)).toEqual({ failure: expect.stringContaining('syncfs'), left: [] });
  },
  120_000,
);
