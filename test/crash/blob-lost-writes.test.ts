import { expect } from '@jest/globals';
import { builtChild } from '../support/built-program.ts';
import { temporaryFolder } from '../support/cli.ts';
import { loopDevices, onFailingDisk } from '../support/failing-disk.ts';
import { peerTest } from '../support/peers.ts';

for (const { flag, where } of [
  { flag: '--experimental-ffi', where: '' },
  { flag: '--no-experimental-ffi', where: ', where there are none but calls of node too' },
])
  peerTest(
    ['mkfs.ext4', loopDevices],
    `[G8] what the disk lost of a blob that is gone on with is not believed because the system remembers it${where}`,
    async () => {
      await using parent = await temporaryFolder();
      const node = [process.execPath, flag, '--disable-warning=ExperimentalWarning'];
      const child = [...node, builtChild('lost-part-child')];
      const stdout = await onFailingDisk(parent.path, (folder) => [...child, folder]);
      const attempts = ['digestMismatch', 'done'];
      expect(JSON.parse(stdout)).toEqual({ failed: true, attempts, isRight: true });
    },
    120_000,
  );
