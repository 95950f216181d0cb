import { hostname } from 'node:os';
import { spawnSync } from 'node:child_process';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { MemoryBackend } from '../../../test/support/memory-backend.ts';
import { createMemoryRepository } from '../../../test/support/memory-repository.ts';
import { SyncError } from '../../errors.ts';
import { decodeLock, encodeLock, type LockDocument } from '../format/lock-file.ts';
import { Sealer } from '../format/sealer.ts';
import type { Repository } from '../repository.ts';
import { thisProcess } from './lock-holder.ts';
import { LockKeeper } from './lock-keeper.ts';
import { lockRepository, removeStaleLocks } from './locks.ts';
import { silentLogger } from '../../../lib/logger.ts';

const minuteMs = 60_000;
const { signal } = new AbortController();

let backend: MemoryBackend;
let repository: Repository;
let clockMs: number;
const now = () => new Date(clockMs);

beforeEach(async () => {
  ({ backend, repository } = await createMemoryRepository());
  clockMs = Date.parse('2026-11-21T12:00:00Z');
  backend.now = () => clockMs;
});

const lock = (exclusive: boolean) => lockRepository(repository, { exclusive, signal, now });

async function putLock(change: Partial<LockDocument>): Promise<string> {
  const document = {
    ...{ time: now().toISOString(), exclusive: false, hostname: 'elsewhere', username: 'ada', pid: 4711 },
    ...{ uid: 1000, gid: 1000, ...change },
  };
  const { name, bytes } = encodeLock(new Sealer(repository.key), document);
  await backend.write('locks', name, bytes);
  return name;
}

describe('lockRepository', () => {
  it('lets many hold it together, and none beside one that holds it alone', async () => {
    await using first = await lock(false);
    await using second = await lock(false);
    expect(first.lost.aborted || second.lost.aborted).toBe(false);
    expect(backend.names('locks')).toHaveLength(2);
    await expect(lock(true)).rejects.toMatchObject({ code: 'locked', transient: true });
    expect(backend.names('locks')).toHaveLength(2);
  });

  it('lets nobody in beside one that holds it alone, and takes its lock away at the end', async () => {
    {
      await using _alone = await lock(true);
      await expect(lock(false)).rejects.toMatchObject({ code: 'locked' });
    }
    expect(backend.names('locks')).toEqual([]);
    await using _next = await lock(true);
  });

  it('says who holds it and for how long', async () => {
    await putLock({ exclusive: true });
    clockMs += 7 * minuteMs;
    await expect(lock(false)).rejects.toThrow(/process 4711 of ada on elsewhere.* 7 min ago/);
  });

  it('takes over from a process of this machine that has ended, and takes its lock away', async () => {
    const { pid } = spawnSync('true');
    const name = await putLock({ ...thisProcess(), exclusive: true, pid });
    await using _lock = await lock(true);
    expect(backend.names('locks')).not.toContain(name);
  });

  it('does not rob a machine or a container of the same name, where other processes have the numbers', async () => {
    const { pid } = spawnSync('true');
    await putLock({ exclusive: true, hostname: hostname(), pid, processes: 'of another machine' });
    await expect(lock(true)).rejects.toMatchObject({ code: 'locked' });
    clockMs += 31 * minuteMs;
    await using _lock = await lock(true);
  });

  it('takes over what was not refreshed for half an hour, by both clocks only', async () => {
    await putLock({ exclusive: true, time: '1970-01-01T00:00:00Z' });
    await expect(lock(true)).rejects.toMatchObject({ code: 'locked' });
    clockMs += 31 * minuteMs;
    await using _lock = await lock(true);
  });

  it('does not rob a holder because its own clock is ahead', async () => {
    await putLock({});
    const ahead = () => new Date(clockMs + 600 * minuteMs);
    await expect(lockRepository(repository, { exclusive: true, signal, now: ahead })).rejects.toMatchObject({
      code: 'locked',
    });
  });

  it('steps back when another came between its look and its own lock', async () => {
    let came = false;
    backend.beforeChange = (change) => {
      if (change !== 'write' || came) return;
      came = true;
      void putLock({ exclusive: true });
    };
    await expect(lock(false)).rejects.toMatchObject({ code: 'locked' });
    expect(backend.names('locks')).toHaveLength(1);
  });

  it('minds a lock that does not verify, until it is old', async () => {
    await backend.write('locks', 'a'.repeat(64), Buffer.from('garbage'));
    await expect(lock(false)).rejects.toMatchObject({ code: 'locked' });
    clockMs += 31 * minuteMs;
    await using _lock = await lock(true);
  });

  it('waits as long as it is told, and gets it once the other lets go', async () => {
    const held = await lockRepository(repository, { exclusive: true, signal });
    const waiting = lockRepository(repository, { exclusive: true, signal, waitMs: 60_000 });
    await held[Symbol.asyncDispose]();
    await using _lock = await waiting;
  });

  it('ends waiting when it is aborted', async () => {
    await putLock({ exclusive: true });
    const abort = new AbortController();
    const request = { exclusive: true, signal: abort.signal, waitMs: 60_000, now };
    const waiting = lockRepository(repository, request);
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    expect(backend.names('locks')).toHaveLength(1);
  });

  it('refuses a repository that was flooded with locks without reading them', async () => {
    for (let place = 0; place < 1001; place += 1) {
      await backend.write('locks', place.toString(16).padStart(64, '0'), Buffer.alloc(1));
    }
    await expect(lock(false)).rejects.toThrow('has 1001 locks');
    expect(await removeStaleLocks(repository, { all: true, signal })).toBe(1001);
  });
});

describe('removeStaleLocks', () => {
  it('removes what is stale and leaves the others', async () => {
    await putLock({});
    clockMs += 31 * minuteMs;
    const young = await putLock({});
    expect(await removeStaleLocks(repository, { signal, now })).toBe(1);
    expect(backend.names('locks')).toEqual([young]);
  });
});

describe('LockKeeper', () => {
  const keep = async () => {
    const keeper = new LockKeeper(repository, { exclusive: false, now, logger: silentLogger });
    await keeper.write(signal);
    return keeper;
  };
  const timesOf = () =>
    backend.names('locks').map((name) => {
      const bytes = backend.files.get(`locks/${name}`)?.bytes ?? Buffer.alloc(0);
      return decodeLock(new Sealer(repository.key), bytes).time;
    });

  it('writes a new lock and removes the old one every five minutes', async () => {
    await using keeper = await keep();
    clockMs += 4 * minuteMs;
    await keeper.tick();
    expect(timesOf()).toEqual(['2026-11-21T12:00:00.000Z']);
    clockMs += minuteMs;
    await keeper.tick();
    expect(timesOf()).toEqual(['2026-11-21T12:05:00.000Z']);
  });

  it('goes on while the store fails, and is lost before others take it for stale', async () => {
    await using keeper = await keep();
    backend.beforeChange = () => {
      throw new SyncError('network', 'No way', { transient: true });
    };
    clockMs += 24 * minuteMs;
    await keeper.tick();
    expect(keeper.lost.aborted).toBe(false);
    clockMs += 2 * minuteMs;
    await keeper.tick();
    expect(keeper.lost.reason).toMatchObject({ code: 'locked' });
    backend.beforeChange = () => undefined;
  });

  it('is lost when someone removed it', async () => {
    await using keeper = await keep();
    backend.files.clear();
    clockMs += 5 * minuteMs;
    await keeper.tick();
    expect(() => keeper.assertHeld()).toThrow('someone removed it');
  });

  it('is lost after a sleep of the machine, before any timer had its turn', async () => {
    await using keeper = await keep();
    expect(() => keeper.assertHeld()).not.toThrow();
    clockMs += 26 * minuteMs;
    expect(() => keeper.assertHeld()).toThrow('not refreshed in time');
    expect(keeper.lost.aborted).toBe(true);
  });
});
