import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect } from '@jest/globals';
import type { VaultBackend } from '../../cloud-sync/vault/backend/backend.ts';
import { openRestBackend } from '../../cloud-sync/vault/backend/rest-backend.ts';
import { wrapKey } from '../../cloud-sync/vault/format/key-file.ts';
import { createRepository, openRepository } from '../../cloud-sync/vault/open-repository.ts';
import { restoreSnapshot } from '../../cloud-sync/vault/restore/restore-snapshot.ts';
import { takeSnapshot } from '../../cloud-sync/vault/snapshot/take-snapshot.ts';
import { checkRepository } from '../../cloud-sync/vault/upkeep/check.ts';
import { forgetSnapshots } from '../../cloud-sync/vault/upkeep/forget.ts';
import { prune } from '../../cloud-sync/vault/upkeep/prune.ts';
import { silentLogger as logger } from '../../lib/logger.ts';
import { temporaryFolder } from '../support/cli.ts';
import { startCloud } from '../support/cloud.ts';
import { peerTest } from '../support/peers.ts';
import { startRclone } from '../support/rest-servers.ts';
import { treeEntries } from '../support/tree-entries.ts';

const execute = promisify(execFile);
const password = 'for tests';
const signal = AbortSignal.timeout(300_000);

type Server = AsyncDisposable & {
  readonly backend: VaultBackend;
  /** Where the server keeps the repository: what lies there is a repository of restic too. */
  readonly folder: string;
  /** Lets files be removed. */
  readonly grant: () => Promise<unknown>;
};

async function openCloud(): Promise<Server> {
  await using opening = new AsyncDisposableStack();
  const cloud = opening.use(await startCloud());
  const { identity } = opening.use(await cloud.enrol('kiosk-1'));
  const { ca, certificate, key } = identity;
  const url = `${cloud.plane.url}/vault/kiosk-1/`;
  const backend = opening.use(openRestBackend({ url, ca, identity: { certificate, key } }));
  const open = opening.move();
  return {
    backend,
    folder: join(cloud.folder, 'vault', 'kiosk-1'),
    grant: () => cloud.operator.grantVault('kiosk-1', { forMs: 600_000 }),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

async function openRclone(): Promise<Server> {
  await using opening = new AsyncDisposableStack();
  const server = opening.use(await startRclone());
  const backend = opening.use(openRestBackend({ url: server.url }));
  const open = opening.move();
  return {
    backend,
    folder: server.folder,
    grant: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

async function fill(folder: string): Promise<void> {
  await mkdir(join(folder, 'sub', 'empty'), { recursive: true });
  await writeFile(join(folder, 'large'), randomBytes(9 * 2 ** 20));
  await writeFile(join(folder, 'sub', 'changing'), 'first');
  for (let at = 0; at < 50; at++) await writeFile(join(folder, 'sub', `small ${at}`), `file ${at}`);
}

describe('[G10] the vault over the REST protocol', () => {
  for (const { name, open, isAppendOnly } of [
    { name: 'the control plane, as the device', open: openCloud, isAppendOnly: true },
    { name: 'rclone', open: openRclone, isAppendOnly: false },
  ]) {
    peerTest(
      ['restic', 'rclone'],
      `${name}: snapshots, forgetting, pruning, checking and restoring, and restic finds it whole`,
      async () => {
        await using server = await open();
        await using work = await temporaryFolder();
        const [folder, target] = [join(work.path, 'data'), join(work.path, 'restored')];
        const { backend } = server;
        await fill(folder);
        const cost = { N: 1024, r: 8, p: 1 };
        await using repository = await createRepository(backend, {
          keys: async (key) => [await wrapKey(key, password, { cost, user: 'test', host: 'test' })],
          signal,
        });
        const request = {
          ...{ repository, folder, recordedPath: '/data', hostname: 'kiosk-1', tags: [], excludes: [] },
          ...{ parent: 'latest', logger, signal },
        };
        const first = await takeSnapshot(request);
        await writeFile(join(folder, 'sub', 'changing'), 'second');
        await rm(join(folder, 'sub', 'small 7'));
        const second = await takeSnapshot(request);
        expect(second).toMatchObject({ parent: first.id, files: { new: 0 } });
        expect(second.newBytes).toBeLessThan(100_000);
        const snapshots = await repository.snapshots({ signal });
        expect(snapshots.map(({ id }) => id)).toEqual([first.id, second.id]);

        const forgetting = { snapshots: [first.id], signal };
        if (isAppendOnly) {
          await expect(forgetSnapshots(repository, forgetting)).rejects.toMatchObject({ code: 'forbidden' });
          await expect(prune(repository, { signal })).rejects.toMatchObject({ code: 'forbidden' });
          await server.grant();
        }
        await forgetSnapshots(repository, forgetting);
        await prune(repository, { maxUnusedShare: 0, signal });

        await using again = await openRepository(backend, { password, signal });
        const report = await checkRepository(again, { readData: true, signal });
        expect(report).toMatchObject({ damages: [], affected: [] });
        await restoreSnapshot({ repository: again, snapshot: second.id, target, logger, signal });
        expect(treeEntries(target)).toEqual(treeEntries(folder));
        await expect(backend.list('locks', { signal })).resolves.toEqual([]);
        const env = { ...process.env, RESTIC_REPOSITORY: server.folder, RESTIC_PASSWORD: password };
        await execute('restic', ['--no-cache', '--no-lock', 'check', '--read-data'], { env });
      },
      180_000,
    );
  }
});
