import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { masterKeyBytes } from '../../cloud-sync/vault/format/master-key.ts';
import { builtChild } from '../support/built-program.ts';
import { loopDevices, onFailingDisk } from '../support/failing-disk.ts';
import { peerTest } from '../support/peers.ts';
import { ResticRepository } from '../support/restic-repository.ts';
import { withoutForgetting } from '../support/without-forgetting.ts';

type Wrap = (folder: string, command: readonly string[]) => readonly string[];

/** Restores to a disk that fails, and again when it has grown. */
async function restoreTwice(wrap: Wrap, ...more: readonly string[]): Promise<unknown> {
  await using repository = await ResticRepository.create();
  await mkdir(repository.data, { recursive: true });
  for (let file = 0; file < 400; file++)
    await writeFile(join(repository.data, `${file}`), randomBytes(60_000));
  const snapshot = await repository.backup();
  const child = [process.execPath, '--disable-warning=ExperimentalWarning', builtChild('lost-writes-child')];
  const key = Buffer.from(masterKeyBytes(repository.ours.key)).toString('hex');
  const stdout = await onFailingDisk(repository.beside('place'), (folder) =>
    wrap(folder, [
      ...[...child, repository.folder, snapshot, repository.data],
      ...[join(folder, 'disk', 'target'), join(folder, 'store'), key, ...more],
    ]),
  );
  return JSON.parse(stdout);
}

const whole = { placed: true, differences: [], wrong: [] };

peerTest(
  ['restic', 'mkfs.ext4', loopDevices],
  '[G8] what a disk lost is not believed because the system remembers it: the next restore brings it',
  async () => {
    const failure = expect.stringContaining('syncfs');
    expect(await restoreTwice((_, command) => command)).toEqual({ ...whole, failure, resumed: true });
  },
  120_000,
);

peerTest(
  ['restic', 'mkfs.ext4', loopDevices],
  '[G8] what a disk lost is noticed when another program was told of it first',
  async () => {
    const failure = expect.stringContaining('syncfs');
    const outcome = await restoreTwice((_, command) => command, 'told');
    expect(outcome).toEqual({ ...whole, failure, resumed: true });
  },
  120_000,
);

peerTest(
  ['restic', 'mkfs.ext4', loopDevices, 'bwrap'],
  '[G8] where the system cannot forget what it remembers, a restore after a failed one begins anew',
  async () => {
    const failure = expect.stringContaining('syncfs');
    expect(await restoreTwice(withoutForgetting)).toEqual({ ...whole, failure, resumed: false });
  },
  120_000,
);

peerTest(
  ['restic', 'mkfs.ext4', loopDevices],
  '[G8] where there are none but calls of node, a restore after a failed one begins anew',
  async () => {
    const failure = expect.stringContaining('fsync');
    const without: Wrap = (_, command) => ['env', 'NODE_OPTIONS=--no-experimental-ffi', ...command];
    expect(await restoreTwice(without)).toEqual({
      ...{ ...whole, failure, resumed: false },
      // Times are less exact there.
      differences: expect.any(Array),
    });
  },
  120_000,
);
