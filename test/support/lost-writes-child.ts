import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openFolderBackend } from '../../cloud-sync/vault/backend/folder-backend.ts';
import { masterKeyFrom } from '../../cloud-sync/vault/format/master-key.ts';
import { openRepositoryWithKey } from '../../cloud-sync/vault/open-repository.ts';
import { restoreSnapshot } from '../../cloud-sync/vault/restore/restore-snapshot.ts';
import type { RestoreProgress } from '../../cloud-sync/vault/restore/restore-request.ts';
import { errorMessage } from '../../lib/error-code.ts';
import { silentLogger } from '../../lib/logger.ts';
import { treeDifferences, treeEntries } from './tree-entries.ts';

/**
 * `lost-writes-child.mjs REPOSITORY SNAPSHOT DATA TARGET STORE KEY [told]`: restores to a disk that loses what it is given, has it grow
 * (a tmpfs `STORE` below it), restores again, and reads from the disk what it has then. Prints what came of it as JSON. `told`: another
 * program syncs the disk, and is told of the loss, before the restore does.
 */
const [folder = '', snapshot = '', data = '', target = '', store = '', key = '', told] =
  process.argv.slice(2);
const { signal } = new AbortController();
await using repository = await openRepositoryWithKey(openFolderBackend(folder), {
  key: masterKeyFrom(Buffer.from(key, 'hex')),
  signal,
});
const syncDisk = (): void => void spawnSync('sync', ['-f', dirname(target)]);
const onProgress = ({ phase }: RestoreProgress): void => {
  if (told !== undefined && phase === 'finishing') syncDisk();
};
const restore = () =>
  restoreSnapshot({ repository, snapshot, path: data, target, logger: silentLogger, signal, onProgress });

const failure = await restore().then(() => '', errorMessage);
execFileSync('mount', ['-o', 'remount,size=120m', store]);
// A failure that is left to be told is told to this one; what was lost stays lost.
syncDisk();
const { placed, resumedBytes } = await restore();
const restored = join(target, readdirSync(target)[0] ?? '');
const onDisk = (name: string): Buffer =>
  execFileSync('dd', [`if=${join(restored, name)}`, 'iflag=direct', 'bs=1M', 'status=none']);
const wrong = readdirSync(data).filter((name) => !onDisk(name).equals(readFileSync(join(data, name))));
const differences = treeDifferences(treeEntries(data), treeEntries(restored));
process.stdout.write(JSON.stringify({ failure, placed, differences, wrong, resumed: resumedBytes > 0 }));
