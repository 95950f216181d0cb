import { lstat, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openFolderBackend } from '../../cloud-sync/vault/backend/folder-backend.ts';
import type { VaultBackend } from '../../cloud-sync/vault/backend/backend.ts';
import { masterKeyFrom } from '../../cloud-sync/vault/format/master-key.ts';
import { openRepositoryWithKey } from '../../cloud-sync/vault/open-repository.ts';
import { restoreSnapshot } from '../../cloud-sync/vault/restore/restore-snapshot.ts';
import { silentLogger } from '../../lib/logger.ts';

/**
 * A process that restores up to a point, says so and waits to be killed. The point is a phase, or how many stretches of packs
 * were read. The master key comes as a message.
 */
const [folder = '', snapshot = '', target = '', point = ''] = process.argv.slice(2);
const { signal } = new AbortController();

async function stopHere(reads: number): Promise<never> {
  // What was read so far is on its way to the disk: it is to be there when this process is killed.
  while (reads > 0 && (await stagedBytes()) <= minStagedBytes) await sleep(20);
  process.send?.('here');
  return new Promise(() => undefined);
}

const minStagedBytes = 1_500_000;

/** What the staged files take on disk. */
async function stagedBytes(): Promise<number> {
  const beside = await readdir(dirname(target));
  const staging = beside.find((name) => name.startsWith(`.${basename(target)}.restoring-`)) ?? '';
  const paths = await readdir(join(dirname(target), staging), { recursive: true });
  const blocks = await Promise.all(paths.map((path) => blocksOf(join(dirname(target), staging, path))));
  return 512 * blocks.reduce((sum, count) => sum + count, 0);
}

/** 0 for what has a name that is no UTF-8. */
function blocksOf(path: string): Promise<number> {
  return lstat(path).then(
    (found) => found.blocks,
    () => 0,
  );
}

/** Each read waits forever once so many were answered. */
function withReads(backend: VaultBackend, reads: number): VaultBackend {
  let left = reads;
  return {
    location: backend.location,
    create: (options) => backend.create(options),
    list: (type, options) => backend.list(type, options),
    read: (type, name, options) => {
      const isStretch = type === 'data' && (options.range?.length ?? 0) > 500_000;
      return isStretch && --left < 0 ? stopHere(reads) : backend.read(type, name, options);
    },
    write: (type, name, bytes, options) => backend.write(type, name, bytes, options),
    remove: (type, name, options) => backend.remove(type, name, options),
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
}

process.once('message', (bytes: Uint8Array) => {
  void restore(masterKeyFrom(bytes));
});

async function restore(key: ReturnType<typeof masterKeyFrom>): Promise<void> {
  const backend = withReads(
    openFolderBackend(folder),
    Number.isNaN(Number(point)) ? Infinity : Number(point),
  );
  await using repository = await openRepositoryWithKey(backend, { key, signal });
  await restoreSnapshot({
    ...{ repository, snapshot, target, replace: true, threads: 1, logger: silentLogger, signal },
    onProgress: ({ phase }) => {
      if (phase !== point) return;
      process.send?.('here', () => undefined);
      // The whole thread stands still: what comes after this phase does not happen.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    },
  });
}
