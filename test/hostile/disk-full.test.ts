import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from '@jest/globals';
import { temporaryFolder } from '../support/cli.ts';
import { mountNamespaces, peerTest } from '../support/peers.ts';

const run = promisify(execFile);

peerTest(
  [mountNamespaces],
  'a full disk is named, leaves no half blob, and the store works again when there is room [G1]',
  async () => {
    expect(await runOnSmallDisk('fill-layout.ts', '1m')).toEqual({
      failure: 'diskFull',
      transient: true,
      installed: false,
      left: [],
      earlier: true,
      tag: 'diskFull',
      afterwards: true,
    });
  },
);

peerTest(
  ['restic', mountNamespaces],
  'a full vault makes room: a snapshot gives back what it took, a prune removes packs without writing any [G10]',
  async () => {
    expect(await runOnSmallDisk('fill-vault.ts', '40m')).toEqual({
      tooMuch: 'diskFull',
      given: true,
      freedMiB: 12,
      lackedRoom: true,
      restic: { code: 0, errors: '' },
    });
  },
);

peerTest(
  [mountNamespaces],
  'a cloud that finds its disk full names that, and does not call its database broken',
  async () => {
    expect(await runOnSmallDisk('fill-database.ts', '8m')).toEqual({ full: 'diskFull', afterwards: 'open' });
  },
);

peerTest(
  [mountNamespaces],
  'a corrupt local store on a full disk stays where it is, the disk is named, and with room it is set aside',
  async () => {
    expect(await runOnSmallDisk('fill-local-store.ts', '2m')).toEqual({
      full: 'diskFull',
      left: ['local.db'],
      fresh: 'diskFull',
      written: expect.stringMatching(/^Error: ENOSPC: .* '.*\/small'$/),
      afterwards: 'set aside',
    });
  },
);

peerTest(
  [mountNamespaces],
  'a device whose disk is full goes on counting its sessions and reports, on disk, and keeps a copy of what was before [G1]',
  async () => {
    expect(await runOnSmallDisk('fill-state.ts', '256k')).toEqual({
      atFirst: 2,
      full: 5,
      tooLong: 'diskFull',
      kept: 6,
      afterwards: 8,
      before: 7,
      recoveries: ['not JSON'],
      left: ['state.json', 'state.json.previous'],
    });
  },
);

peerTest(
  [mountNamespaces],
  'a device whose disk is full takes snapshots to where there is room, and still refuses an older state of the store',
  async () => {
    expect(await runOnSmallDisk('fill-floor.ts', '256k')).toEqual({
      atFirst: 'taken',
      full: 'taken',
      firstGone: 'stale',
      afterwards: 'taken',
      secondGone: 'stale',
    });
  },
);

/** What a program of `test/support` tells; its first argument is the small file system, its second a folder elsewhere. */
async function runOnSmallDisk(program: string, size: string): Promise<unknown> {
  await using elsewhere = await temporaryFolder();
  await using folder = await temporaryFolder();
  // The file system is the child's own: it ends with it.
  const script =
    'mount -t tmpfs -o "size=$1" none "$2" && TMPDIR="$2" exec "$3" --disable-warning=ExperimentalWarning "$4" "$2" "$5"';
  const child = join(import.meta.dirname, '..', 'support', program);
  const { stdout } = await run('unshare', [
    ...['--map-root-user', '--mount', 'sh', '-c', script, 'sh'],
    ...[size, folder.path, process.execPath, child, elsewhere.path],
  ]);
  return JSON.parse(stdout);
}
