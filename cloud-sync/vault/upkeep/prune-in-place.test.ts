import { spawnSync } from 'node:child_process';
import { beforeEach, expect, test } from '@jest/globals';
import { fillRepository } from '../../../test/support/fill-repository.ts';
import type { MemoryBackend } from '../../../test/support/memory-backend.ts';
import { createMemoryRepository } from '../../../test/support/memory-repository.ts';
import { SyncError } from '../../errors.ts';
import { diskFull } from '../../oci/disk-errors.ts';
import { encodeLock } from '../format/lock-file.ts';
import { Sealer } from '../format/sealer.ts';
import { openRepositoryWithKey } from '../open-repository.ts';
import type { Repository } from '../repository.ts';
import { checkRepository } from './check.ts';
import { forgetSnapshots } from './forget.ts';
import { freeUnusedPacks } from './free-unused.ts';
import { thisProcess } from './lock-holder.ts';
import { lockRepository, removeStaleLocks } from './locks.ts';
import { planPrune } from './plan-prune.ts';
import { prune } from './prune.ts';

const { signal } = new AbortController();
const limits = { maxUnusedShare: 0, graceMs: 0, signal };
/** Of a lock. */
const lockBytes = 400;

let backend: MemoryBackend;
let repository: Repository;

beforeEach(async () => {
  ({ backend, repository } = await createMemoryRepository());
});

const text = (seed: string) => Array.from({ length: 60 }, (_, place) => `${seed}${place * 7919}`).join(' ');
const filesOf = (...seeds: readonly string[]) => Object.fromEntries(seeds.map((seed) => [seed, text(seed)]));
const fill = (...seeds: readonly string[]) => fillRepository(repository, filesOf(...seeds));
const leaveRoomForLock = () => (backend.capacityBytes = backend.bytes + lockBytes);
const reopen = (from: MemoryBackend) => openRepositoryWithKey(from, { key: repository.key, signal });

/** Two index files: all that one names goes, and a part of what the other one names. */
async function fillToTheBrim(): Promise<void> {
  const own = await fill('a', 'b', 'c', 'd');
  const shared = await fill('e', 'f', 'g', 'h', 'i', 'j', 'k', 'l');
  await fill('i', 'j', 'k', 'l', 'm');
  await forgetSnapshots(repository, { snapshots: [own, shared], signal });
  leaveRoomForLock();
}

async function expectWhole(from: MemoryBackend): Promise<void> {
  const report = await checkRepository(await reopen(from), { readData: true, signal });
  expect(report).toMatchObject({ damages: [], affected: [] });
}

test('in a store that is full whole packs go, one index file after the other', async () => {
  await fillToTheBrim();
  const before = backend.bytes;
  const { removed } = await planPrune(repository, { ...limits, maxUnusedShare: 1 });
  const { plan, newPacks, lackedRoom } = await prune(repository, limits);
  expect({ newPacks, lackedRoom, removed: plan.removed.toSorted() }).toEqual({
    ...{ newPacks: 0, lackedRoom: true, removed: removed.toSorted() },
  });
  expect(removed).toHaveLength(4);
  expect(plan.bytes.freed).toBeGreaterThan(2_000);
  expect(before - backend.bytes).toBeGreaterThanOrEqual(plan.bytes.freed);
  await expectWhole(backend);
  expect(await prune(repository, limits)).toMatchObject({ lackedRoom: false });
});

test('where there is no room for one index file others go on, and it is tried again', async () => {
  const first = await fill('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
  const second = await fill('i', 'j', 'k', 'l', 'm', 'n', 'o', 'p');
  await fill('e', 'f', 'g', 'h', 'm', 'n', 'o', 'p');
  await forgetSnapshots(repository, { snapshots: [first, second], signal });
  const plan = await planPrune(repository, { ...limits, maxUnusedShare: 1 });
  const tried: string[] = [];
  backend.beforeChange = (change, type, name) => {
    if (change === 'write' && type === 'index' && tried.push(name) === 1) throw diskFull('No room yet');
  };
  const gone = await freeUnusedPacks(repository, plan, { lock: { assertHeld: () => undefined }, signal });
  expect([...gone].toSorted()).toEqual(plan.removed.toSorted());
  expect(tried).toHaveLength(3);
  await expectWhole(backend);
});

test('what moves needs room, and leaves nothing behind where there is not enough', async () => {
  const own = await fill('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
  await fill('a', 'e', 'i');
  await forgetSnapshots(repository, { snapshots: [own], signal });
  await prune(repository, { ...limits, maxUnusedShare: 1 });
  for (let roomBytes = lockBytes; ; roomBytes += 250) {
    const store = backend.copy();
    store.capacityBytes = store.bytes + roomBytes;
    const outcome = await prune(await reopen(store), limits).catch((error: unknown) => error);
    await expectWhole(store);
    if (!(outcome instanceof SyncError)) break;
    expect(outcome).toMatchObject({
      code: 'diskFull',
      transient: true,
      hint: expect.stringContaining('Forget'),
    });
    expect([...store.files.keys()].toSorted()).toEqual([...backend.files.keys()].toSorted());
  }
});

test('every snapshot stays whole wherever a prune of a full store is cut short', async () => {
  await fillToTheBrim();
  let cuts = 0;
  for (let step = 0; ; step += 1) {
    const store = backend.copy();
    let changes = 0;
    store.beforeChange = () => {
      changes += 1;
      if (changes > step) throw new SyncError('network', 'cut', { transient: true });
    };
    const outcome = await prune(await reopen(store), limits).catch((error: unknown) => error);
    store.beforeChange = () => undefined;
    for (const name of store.names('locks')) store.files.delete(`locks/${name}`);
    await expectWhole(store);
    if (!(outcome instanceof SyncError)) break;
    cuts += 1;
  }
  expect(cuts).toBeGreaterThan(8);
});

test('a lock takes the place of one whose process has ended, and says what to do where there is none', async () => {
  const { pid } = spawnSync('true');
  const document = { ...thisProcess(), time: new Date().toISOString(), exclusive: true, pid };
  const { name, bytes } = encodeLock(new Sealer(repository.key), document, repository.version);
  await backend.write('locks', name, bytes);
  // Two locks are not to the byte of one size: what is compressed differs.
  backend.capacityBytes = backend.bytes + lockBytes / 8;
  {
    await using _alone = await lockRepository(repository, { exclusive: true, signal });
    expect(backend.names('locks')).toHaveLength(1);
  }
  backend.capacityBytes = backend.bytes;
  await expect(lockRepository(repository, { exclusive: true, signal })).rejects.toMatchObject({
    ...{ code: 'diskFull', transient: true },
    hint: expect.stringContaining('snapshot forget --prune'),
  });
  expect(backend.names('locks')).toEqual([]);
});

test('where locks that are only old take the room it says what takes them away', async () => {
  const time = new Date(Date.now() - 3_600_000).toISOString();
  const document = { ...thisProcess(), hostname: 'elsewhere', time, exclusive: true };
  const { name, bytes } = encodeLock(new Sealer(repository.key), document, repository.version);
  backend.now = () => Date.parse(time);
  await backend.write('locks', name, bytes);
  backend.capacityBytes = backend.bytes + lockBytes / 8;
  await expect(lockRepository(repository, { exclusive: true, signal })).rejects.toMatchObject({
    hint: expect.stringContaining('holdfast vault unlock'),
  });
  expect(await removeStaleLocks(repository, { signal })).toBe(1);
  await using _alone = await lockRepository(repository, { exclusive: true, signal });
});

test('a clock that is ahead robs nobody of a lock, also where there is no room for another', async () => {
  await using _theirs = await lockRepository(repository, { exclusive: false, signal });
  backend.capacityBytes = backend.bytes;
  const ahead = () => new Date(Date.now() + 3_600_000);
  await expect(lockRepository(repository, { exclusive: true, now: ahead, signal })).rejects.toMatchObject({
    code: 'diskFull',
  });
  expect(backend.names('locks')).toHaveLength(1);
});
