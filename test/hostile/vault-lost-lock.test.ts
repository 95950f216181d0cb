import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, jest, test } from '@jest/globals';
import { SyncError } from '../../cloud-sync/errors.ts';
import { openRepositoryWithKey } from '../../cloud-sync/vault/open-repository.ts';
import type { Repository } from '../../cloud-sync/vault/repository.ts';
import { runSnapshot } from '../../cloud-sync/vault/snapshot/run-snapshot.ts';
import { takeSnapshot } from '../../cloud-sync/vault/snapshot/take-snapshot.ts';
import { checkRepository } from '../../cloud-sync/vault/upkeep/check.ts';
import { repairIndex } from '../../cloud-sync/vault/upkeep/repair-index.ts';
import { silentLogger } from '../../lib/logger.ts';
import { temporaryFolder } from '../support/cli.ts';
import { MemoryBackend } from '../support/memory-backend.ts';
import { createMemoryRepository } from '../support/memory-repository.ts';

jest.setTimeout(120_000);

const { signal } = new AbortController();
const mebibyte = 2 ** 20;

/** Of its data packs, the third waits for `awake`, and then finds no room. */
class SleepyBackend extends MemoryBackend {
  readonly asleep = Promise.withResolvers<undefined>();
  readonly awake = Promise.withResolvers<undefined>();
  #packs = 0;
  isSleepy = false;

  override async write(...parameters: Parameters<MemoryBackend['write']>): Promise<void> {
    if (this.isSleepy && parameters[0] === 'data' && ++this.#packs === 3) {
      this.asleep.resolve(undefined);
      await this.awake.promise;
      throw new SyncError('diskFull', 'No space is left', { transient: true });
    }
    await super.write(...parameters);
  }
}

test('a snapshot without room that lost its lock takes nothing away: others may need it by now', async () => {
  await using folder = await temporaryFolder();
  for (let file = 0; file < 24; file += 1)
    await writeFile(join(folder.path, String(file)), randomBytes(mebibyte));
  const backend = new SleepyBackend();
  const { repository } = await createMemoryRepository(backend);
  const open = () => openRepositoryWithKey(backend, { key: repository.key, signal });
  const request = (of: Repository) => ({
    ...{
      repository: of,
      folder: folder.path,
      recordedPath: '/data',
      hostname: 'kiosk',
      tags: [],
      excludes: [],
    },
    ...({ parent: 'none', logger: silentLogger, signal, threads: 1 } as const),
  });
  let isLost = false;
  const lock = {
    assertHeld: () => {
      if (isLost) throw new SyncError('locked', 'The lock is lost');
    },
  };
  const sleepy = request(await open());
  backend.isSleepy = true;
  const taking = runSnapshot(sleepy, { lock, parent: undefined, compared: undefined });
  taking.catch(() => undefined);
  await backend.asleep.promise;
  backend.isSleepy = false;
  // The machine slept so long that its lock went: what it has stored is given an index, and another counts on it.
  isLost = true;
  await repairIndex(await open(), { signal });
  await takeSnapshot(request(await open()));
  backend.awake.resolve(undefined);
  await expect(taking).rejects.toMatchObject({ code: 'diskFull' });
  const { damages, affected } = await checkRepository(await open(), { readData: true, signal });
  expect([damages, affected]).toEqual([[], []]);
});
