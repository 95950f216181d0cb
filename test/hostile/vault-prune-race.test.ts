import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { silentLogger } from '../../lib/logger.ts';
import { openRepositoryWithKey } from '../../cloud-sync/vault/open-repository.ts';
import { takeSnapshot } from '../../cloud-sync/vault/snapshot/take-snapshot.ts';
import { checkRepository } from '../../cloud-sync/vault/upkeep/check.ts';
import { forgetSnapshots } from '../../cloud-sync/vault/upkeep/forget.ts';
import { lockRepository } from '../../cloud-sync/vault/upkeep/locks.ts';
import { prune } from '../../cloud-sync/vault/upkeep/prune.ts';
import { temporaryFolder } from '../support/cli.ts';
import { fillRepository } from '../support/fill-repository.ts';
import { createMemoryRepository } from '../support/memory-repository.ts';

const signal = AbortSignal.timeout(600_000);

describe('a prune beside a snapshot', () => {
  it('is refused while that runs, at each of its writes, and the snapshot is whole', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'file'), randomBytes(1_000_000));
    const { backend, repository } = await createMemoryRepository();
    const pruner = await openRepositoryWithKey(backend, { key: repository.key, signal });
    const refusals: Promise<unknown>[] = [];
    backend.beforeChange = (change, type) => {
      if (change === 'remove' || type === 'locks') return;
      refusals.push(prune(pruner, { graceMs: 0, signal }).catch((error: unknown) => error));
    };
    const { id } = await takeSnapshot({
      ...{ repository, folder: folder.path, recordedPath: '/data', hostname: 'pump', tags: [], excludes: [] },
      ...{ parent: 'none', threads: 1, logger: silentLogger, signal },
    });
    backend.beforeChange = () => undefined;
    const said = await Promise.all(refusals);
    expect(said.length).toBeGreaterThanOrEqual(3);
    expect(said.map((error) => (error as { code?: string }).code)).toEqual(said.map(() => 'locked'));
    await prune(pruner, { graceMs: 0, signal });
    const report = await checkRepository(pruner, { readData: true, signal });
    expect(report).toMatchObject({ damages: [], affected: [], looked: { snapshots: 1 } });
    expect((await pruner.snapshots({ signal })).map((snapshot) => snapshot.id)).toEqual([id]);
  });

  it('of a machine that slept takes over its lock, leaves its packs, and the snapshot knows that it is too late', async () => {
    const { backend, repository } = await createMemoryRepository();
    let clockMs = Date.now();
    const now = () => new Date(clockMs);
    backend.now = () => clockMs;
    const old = await fillRepository(repository, { shared: 'shared', gone: 'gone' });
    await fillRepository(repository, { other: 'other' }, { path: '/other' });
    const sleeper = await lockRepository(repository, { exclusive: false, signal, now });
    await backend.write('data', 'a'.repeat(64), Buffer.from('written before it slept'));
    clockMs += 31 * 60_000;
    const pruner = await openRepositoryWithKey(backend, { key: repository.key, signal });
    // It is a lock of a process that lives: only its age counts.
    await forgetSnapshots(pruner, { snapshots: [old], signal, now });
    await prune(pruner, { maxUnusedShare: 0, signal, now });
    expect(backend.names('data')).toContain('a'.repeat(64));
    expect(() => sleeper.assertHeld()).toThrow('not refreshed in time');
    expect(sleeper.lost.aborted).toBe(true);
    await sleeper[Symbol.asyncDispose]();
    expect(await checkRepository(pruner, { readData: true, signal, now })).toMatchObject({
      ...{ damages: [], affected: [], leftOver: { packs: 1 } },
    });
  });
});
