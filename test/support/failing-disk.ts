import { execFile } from 'node:child_process';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Peer } from './peers.ts';

/** What `onFailingDisk` needs, beside mkfs.ext4. */
export const loopDevices: Peer = {
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

/**
 * Runs a program where a new folder of `parent` has a disk that loses what it is given once it has 16 MB. `command` gets that folder, in
 * which the disk is `disk` and `store` the tmpfs below it, which the program may mount anew with more room. Resolves with its stdout.
 */
export async function onFailingDisk(
  parent: string,
  command: (folder: string) => readonly string[],
): Promise<string> {
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(join(parent, 'disk-'));
  const shell = ['sh', '-c', script, 'sh', folder, ...command(folder)];
  const { stdout } = await promisify(execFile)('unshare', ['--mount', ...shell]);
  return stdout;
}
