import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openFolderBackend } from '../../cloud-sync/vault/backend/folder-backend.ts';
import { masterKeyFrom } from '../../cloud-sync/vault/format/master-key.ts';
import { openRepositoryWithKey } from '../../cloud-sync/vault/open-repository.ts';
import { restoreSnapshot } from '../../cloud-sync/vault/restore/restore-snapshot.ts';
import { errorMessage } from '../../lib/error-code.ts';
import { silentLogger } from '../../lib/logger.ts';
import { openPosix } from '../../lib/posix.ts';
import { treeDifferences, treeEntries } from './tree-entries.ts';

/**
 * `lost-writes-child.mjs REPOSITORY SNAPSHOT DATA TARGET STORE KEY`: restores to a disk that loses what it is given, has it grow (a tmpfs
 * `STORE` below it), restores again, and has the system forget what it remembers. Prints what came of it as JSON.
 */
const [folder = '', snapshot = '', data = '', target = '', store = '', key = ''] = process.argv.slice(2);
const { signal } = new AbortController();
await using repository = await openRepositoryWithKey(openFolderBackend(folder), {
  key: masterKeyFrom(Buffer.from(key, 'hex')),
  signal,
});
const restore = () =>
  restoreSnapshot({ repository, snapshot, path: data, target, logger: silentLogger, signal });

const failure = await restore().then(() => '', errorMessage);
execFileSync('mount', ['-o', 'remount,size=120m', store]);
const { placed } = await restore();
const restored = join(target, readdirSync(target)[0] ?? '');
for (const name of readdirSync(restored)) {
  const file = openSync(join(restored, name), 'r');
  openPosix()?.forgetCached(file);
  closeSync(file);
}
const differences = treeDifferences(treeEntries(data), treeEntries(restored));
process.stdout.write(JSON.stringify({ failure, placed, differences }));
