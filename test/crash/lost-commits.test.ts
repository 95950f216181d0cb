import { expect } from '@jest/globals';
import { builtChild } from '../support/built-program.ts';
import { temporaryFolder } from '../support/cli.ts';
import { loopDevices, onFailingDisk } from '../support/failing-disk.ts';
import { peerTest } from '../support/peers.ts';

for (const { database, flag, where } of ['agent', 'cloud'].flatMap((database) => [
  { database, flag: '--experimental-ffi', where: '' },
  { database, flag: '--no-experimental-ffi', where: ', where there are none but calls of node too' },
]))
  peerTest(
    ['mkfs.ext4', loopDevices],
    `[G1] what the ${database} acknowledges after a disk lost commits does not go with them when the power does${where}`,
    async () => {
      await using parent = await temporaryFolder();
      const child = [
        process.execPath,
        flag,
        '--disable-warning=ExperimentalWarning',
        builtChild('lost-commits-child'),
      ];
      const stdout = await onFailingDisk(parent.path, (folder) => [...child, folder, database]);
      expect(JSON.parse(stdout)).toEqual({ failed: true, before: 3, after: 20 });
    },
    120_000,
  );
