import { beforeEach, describe, expect, it } from '@jest/globals';
import { fillRepository } from '../../../test/support/fill-repository.ts';
import { MemoryBackend } from '../../../test/support/memory-backend.ts';
import { createMemoryRepository } from '../../../test/support/memory-repository.ts';
import { SyncError } from '../../errors.ts';
import { openRepositoryWithKey } from '../open-repository.ts';
import { blobIdOf } from '../format/blob-id.ts';
import type { Repository } from '../repository.ts';
import { checkRepository } from './check.ts';
import { forgetSnapshots } from './forget.ts';
import { lockRepository } from './locks.ts';
import { planPrune } from './plan-prune.ts';
import { prune } from './prune.ts';

const { signal } = new AbortController();
const hourMs = 3_600_000;

let backend: MemoryBackend;
let repository: Repository;
let clockMs: number;
const now = () => new Date(clockMs);

beforeEach(async () => {
  ({ backend, repository } = await createMemoryRepository());
  clockMs = Date.parse('2026-11-21T12:00:00Z');
  backend.now = () => clockMs;
});

const text = (seed: string) => `${seed} `.repeat(200);
const folderOf = (generation: number) => ({
  same: text('same'),
  ...{ [`a${generation}`]: text(`a${generation}`), [`b${generation}`]: text(`b${generation}`) },
  sub: { kept: text('kept'), [`c${generation}`]: [text(`c${generation}`), text('shared')] },
});

async function fill(): Promise<string[]> {
  const ids: string[] = [];
  for (const generation of [1, 2, 3]) ids.push(await fillRepository(repository, folderOf(generation)));
  return ids;
}

const reopen = (from: MemoryBackend) => openRepositoryWithKey(from, { key: repository.key, signal });
const isWhole = async (from: MemoryBackend) => {
  const report = await checkRepository(await reopen(from), { readData: true, signal, now });
  expect(report).toMatchObject({ damages: [], affected: [] });
  return report;
};

describe('prune', () => {
  it('does nothing where everything is used', async () => {
    await fill();
    const before = backend.names('data');
    const indexes = backend.names('index');
    const { plan } = await prune(repository, { signal, now });
    expect(plan.bytes).toMatchObject({ freed: 0, unusedLeft: 0 });
    expect([backend.names('data'), backend.names('index')]).toEqual([before, indexes]);
  });

  it('removes what only forgotten snapshots needed', async () => {
    const [first = '', second = ''] = await fill();
    await forgetSnapshots(repository, { snapshots: [first, second], signal });
    const { plan } = await prune(repository, { maxUnusedShare: 0, signal, now });
    expect(plan.blobs).toMatchObject({ unused: 10, duplicate: 0 });
    const report = await isWhole(backend);
    expect(report.looked).toMatchObject({ snapshots: 1, blobs: plan.blobs.used });
    expect(report.leftOver.packs).toBe(0);
  });

  it('leaves a little waste where it was, and rewrites more than that, the most wasteful first', async () => {
    const [first = ''] = await fill();
    await forgetSnapshots(repository, { snapshots: [first], signal });
    const lazy = await planPrune(repository, { maxUnusedShare: 1, signal });
    expect(lazy.rewritten).toEqual([]);
    expect(lazy.bytes.unusedLeft).toBeGreaterThan(0);
    const eager = await planPrune(repository, { maxUnusedShare: 0, signal });
    expect(eager.bytes.unusedLeft).toBe(0);
    const some = await planPrune(repository, { maxUnusedShare: 0.1, signal });
    expect(some.bytes.unusedLeft).toBeLessThanOrEqual((0.1 / 0.9) * eager.bytes.total);
    expect(some.rewritten.length).toBeLessThan(eager.rewritten.length);
  });

  it('keeps one copy of a blob that lies in two packs', async () => {
    const other = await createMemoryRepository();
    other.backend.files.clear();
    for (const [key, file] of backend.files) other.backend.files.set(key, file);
    const twin = await reopen(other.backend);
    await fillRepository(repository, folderOf(1));
    await fillRepository(twin, folderOf(1), { packBlobs: 2 });
    for (const [key, file] of other.backend.files) backend.files.set(key, file);
    const { plan } = await prune(repository, { maxUnusedShare: 0, signal, now });
    expect(plan.blobs.duplicate).toBe(plan.blobs.used);
    await isWhole(backend);
    expect((await planPrune(repository, { signal })).blobs.duplicate).toBe(0);
  });

  it('merges many small index files', async () => {
    for (let place = 0; place < 25; place += 1) await fillRepository(repository, { file: text(`${place}`) });
    expect(backend.names('index')).toHaveLength(25);
    await prune(repository, { signal, now });
    expect(backend.names('index')).toHaveLength(1);
    await isWhole(backend);
  });

  it('leaves packs alone that no index names until the store has had them for a day', async () => {
    await backend.write('data', 'a'.repeat(64), Buffer.from('somebody is at it'));
    clockMs += 23 * hourMs;
    await prune(repository, { signal, now });
    expect(backend.names('data')).toHaveLength(1);
    clockMs += 2 * hourMs;
    await prune(repository, { signal, now });
    expect(backend.names('data')).toEqual([]);
  });

  it('goes by the clock of the store, not by its own', async () => {
    await backend.write('data', 'a'.repeat(64), Buffer.from('somebody is at it'));
    const ahead = () => new Date(clockMs + 100 * hourMs);
    await prune(repository, { signal, now: ahead });
    expect(backend.names('data')).toHaveLength(1);
  });

  it('waits for nobody and harms nobody: while a snapshot runs it is refused', async () => {
    await using _snapshot = await lockRepository(repository, { exclusive: false, signal, now });
    await expect(prune(repository, { signal, now })).rejects.toMatchObject({ code: 'locked' });
  });

  it('says what it takes where files can only be added, and adds none', async () => {
    const [first = ''] = await fill();
    await forgetSnapshots(repository, { snapshots: [first], signal });
    const before = [...backend.files.keys()];
    backend.beforeChange = (change, type) => {
      if (change === 'remove' && type !== 'locks') throw new SyncError('forbidden', 'append-only');
    };
    await expect(prune(repository, { maxUnusedShare: 0, signal, now })).rejects.toMatchObject({
      code: 'forbidden',
      hint: expect.stringContaining('holdfast vault grant'),
    });
    await expect(forgetSnapshots(repository, { snapshots: [first], signal })).rejects.toThrow(/add only/);
    expect([...backend.files.keys()]).toEqual(before);
  });

  it('refuses to remove anything when a snapshot needs what is not there', async () => {
    const [first = ''] = await fill();
    await forgetSnapshots(repository, { snapshots: [first], signal });
    const { rewritten } = await planPrune(repository, { maxUnusedShare: 0, signal });
    backend.files.delete(`data/${rewritten[0]?.pack ?? ''}`);
    const before = [...backend.files.keys()];
    await expect(prune(await reopen(backend), { signal, now })).rejects.toMatchObject({
      code: expect.stringMatching(/^(damaged|notFound)$/),
    });
    expect([...backend.files.keys()]).toEqual(before);
  });

  it('refuses to remove anything beside a snapshot file that cannot be read, and names it', async () => {
    const [first = ''] = await fill();
    await forgetSnapshots(repository, { snapshots: [first], signal });
    for (const garbage of [Buffer.from('no snapshot'), Buffer.alloc(5 * 1024 * 1024)]) {
      const name = blobIdOf(garbage);
      await backend.write('snapshots', name, garbage);
      const before = [...backend.files.keys()];
      await expect(prune(repository, { maxUnusedShare: 0, signal, now })).rejects.toMatchObject({
        ...{ code: 'damaged', message: expect.stringContaining(name) },
        hint: expect.stringContaining('snapshot forget'),
      });
      expect([...backend.files.keys()]).toEqual(before);
      await forgetSnapshots(repository, { snapshots: [name], signal });
    }
    expect((await prune(repository, { maxUnusedShare: 0, signal, now })).plan.bytes.freed).toBeGreaterThan(0);
  });

  it('removes nothing when the store hides a snapshot once, from a listing or when it is asked for it', async () => {
    const [first = ''] = await fill();
    const packs = backend.names('data');
    const hideOne = async (hide: (store: MemoryBackend) => void) => {
      const store = backend.copy();
      const opened = await reopen(store);
      hide(store);
      await expect(prune(opened, { maxUnusedShare: 0, signal })).rejects.toMatchObject({ code: 'stale' });
      expect(store.names('data')).toEqual(packs);
    };
    await hideOne((store) => {
      store.read = async (type, name, options) => {
        if (name === first) throw new SyncError('notFound', 'It is not there, says the store');
        return MemoryBackend.prototype.read.call(store, type, name, options);
      };
    });
    await hideOne((store) => {
      let listings = 0;
      store.list = async (type) => {
        const files = await MemoryBackend.prototype.list.call(store, type);
        return type === 'snapshots' && (listings += 1) === 2 ? [] : files;
      };
    });
  });

  it('moves no damaged blob on, and has removed nothing then', async () => {
    const [first = ''] = await fill();
    await forgetSnapshots(repository, { snapshots: [first], signal });
    const { rewritten } = await planPrune(repository, { maxUnusedShare: 0, signal });
    const [{ pack, blobs } = { pack: '', blobs: [] }] = rewritten.filter(
      ({ blobs }) => blobs[0]?.type === 'data',
    );
    const file = backend.files.get(`data/${pack}`);
    const bytes = Buffer.from(file?.bytes ?? []);
    bytes[(blobs[0]?.offset ?? 0) + 20]! ^= 1;
    backend.files.set(`data/${pack}`, { bytes, receivedMs: clockMs });
    const before = [...backend.files.keys()];
    await expect(prune(repository, { maxUnusedShare: 0, signal, now })).rejects.toMatchObject({
      code: 'damaged',
    });
    expect([...backend.files.keys()]).toEqual(expect.arrayContaining(before));
  });

  it('leaves every snapshot whole, wherever it is cut short, and the next one finishes', async () => {
    const [first = ''] = await fill();
    await forgetSnapshots(repository, { snapshots: [first], signal });
    let cuts = 0;
    for (let step = 0; ; step += 1) {
      const copy = backend.copy();
      const cut = await reopen(copy);
      let changes = 0;
      copy.beforeChange = () => {
        changes += 1;
        if (changes > step) throw new SyncError('network', 'cut', { transient: true });
      };
      const outcome = await prune(cut, { maxUnusedShare: 0, signal, now }).catch((error: unknown) => error);
      copy.beforeChange = () => undefined;
      for (const name of copy.names('locks')) copy.files.delete(`locks/${name}`);
      await isWhole(copy);
      await prune(await reopen(copy), { maxUnusedShare: 0, graceMs: 0, signal, now });
      expect((await isWhole(copy)).leftOver.packs).toBe(0);
      if (!(outcome instanceof SyncError)) break;
      cuts += 1;
    }
    expect(cuts).toBeGreaterThan(8);
  });
});
