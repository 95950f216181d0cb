import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { SyncError } from '../../cloud-sync/errors.ts';
import type { FileType } from '../../cloud-sync/vault/backend/backend.ts';
import { runSnapshot } from '../../cloud-sync/vault/snapshot/run-snapshot.ts';
import { silentLogger } from '../../lib/logger.ts';
import { temporaryFolder } from '../support/cli.ts';
import { createMemoryRepository } from '../support/memory-repository.ts';

/** Aborted while its second pack is written, or its index. Resolves with how many index files are there then, and snapshots. */
async function abortedSnapshot({
  assertHeld = () => undefined,
  refuses = () => false,
  at = 'data',
}: {
  readonly assertHeld?: () => void;
  readonly refuses?: (type: FileType) => boolean;
  readonly at?: 'data' | 'index';
}): Promise<number[]> {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'file'), randomBytes(24_000_000));
  const { backend, repository } = await createMemoryRepository();
  const abort = new AbortController();
  const reason = new Error('make room');
  let packs = 0;
  backend.beforeChange = (_, type) => {
    if (at === 'index' && type === 'index' && !abort.signal.aborted) {
      abort.abort(reason);
      throw reason;
    }
    if (at === 'data' && type === 'data' && ++packs === 2) abort.abort(reason);
    if (refuses(type)) throw new SyncError('network', 'The store is gone');
  };
  const taking = runSnapshot(
    {
      ...{
        repository,
        folder: folder.path,
        recordedPath: '/data',
        hostname: 'kiosk',
        tags: [],
        excludes: [],
      },
      ...{ parent: 'none', logger: silentLogger, signal: abort.signal, threads: 1 },
    },
    { lock: { assertHeld }, parent: undefined, compared: undefined },
  );
  await expect(taking).rejects.toThrow('make room');
  return [backend.names('index').length, backend.names('snapshots').length];
}

test('a snapshot that is aborted leaves an index over what it has stored, and no snapshot', async () => {
  expect(await abortedSnapshot({})).toEqual([1, 0]);
});

test('one that is aborted in the middle of writing an index leaves one all the same', async () => {
  expect(await abortedSnapshot({ at: 'index' })).toEqual([1, 0]);
});

test('a snapshot that is aborted ends where the store takes no index', async () => {
  expect(await abortedSnapshot({ refuses: (type) => type === 'index' })).toEqual([0, 0]);
});

test('a snapshot that is aborted without its lock names nothing: it may be gone by now', async () => {
  const assertHeld = (): void => {
    throw new SyncError('locked', 'The lock is lost');
  };
  expect(await abortedSnapshot({ assertHeld })).toEqual([0, 0]);
});
