import { hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { silentLogger } from '../../../lib/logger.ts';
import { SyncError } from '../../errors.ts';
import { registerDevice } from '../database/devices.ts';
import { openDatabase } from '../database/open.ts';
import type { Database } from '../database/schema.ts';
import type { VaultPlace } from './vault-place.ts';
import { VaultRules } from './vault-rules.ts';
import type { VaultStore } from './vault-store.ts';
import { Vaults } from './vaults.ts';

const device = 'kiosk-1';
let db: Database;
let nowMs: number;

beforeEach(async () => {
  nowMs = Date.UTC(2026, 0, 1);
  db = await openDatabase(':memory:');
  await registerDevice(db, new Date(nowMs), device);
});
afterEach(() => db.destroy());

/** Keeps files in memory; `failing` says what happens once a file has its name. */
function memoryStore(failing: () => Error | undefined = () => undefined) {
  const files = new Map<string, Buffer>();
  const kept: string[] = [];
  const keyOf = ({ device: of, type, name }: VaultPlace) => `${of}/${type}/${name}`;
  const store = {
    open: () => Promise.resolve(),
    stat: (place) => {
      const bytes = files.get(keyOf(place))?.byteLength;
      return Promise.resolve(bytes === undefined ? undefined : { bytes, storedMs: 1 });
    },
    read: (place) => Readable.from(files.get(keyOf(place)) ?? []),
    createWriter: (place) => {
      const chunks: Uint8Array[] = [];
      return Promise.resolve({
        get bytesWritten() {
          return Buffer.concat(chunks).byteLength;
        },
        write: (chunk) => Promise.resolve(void chunks.push(chunk)),
        commit: () => {
          if (files.has(keyOf(place))) return Promise.reject(new SyncError('conflict', 'It is there'));
          files.set(keyOf(place), Buffer.concat(chunks));
          const failure = failing();
          return failure ? Promise.reject(failure) : Promise.resolve();
        },
        [Symbol.asyncDispose]: () => Promise.resolve(),
      });
    },
    keep: (place) => Promise.resolve(void kept.push(keyOf(place))),
    remove: (place) => Promise.resolve(void files.delete(keyOf(place))),
    list: (of) => {
      const names = [...files.keys()].map((key) => key.split('/').at(-1) ?? '');
      return Readable.from(names.map((name): VaultPlace => ({ device: of, type: 'data', name })));
    },
  } satisfies VaultStore;
  return { store, files, kept };
}

function vaultsOver(store: VaultStore): Vaults {
  const now = () => new Date(nowMs);
  const rules = new VaultRules({ db, now, defaultQuotaBytes: 1000 });
  return new Vaults({ db, store, rules, now, logger: silentLogger });
}

const place = (text: string): VaultPlace => ({ device, type: 'data', name: hash('sha256', text, 'hex') });
const bodyOf = (text: string) => ({ body: Readable.from([Buffer.from(text)]), bytes: text.length });

test('[G1] a file whose name did not become durable is not there, and can be sent again', async () => {
  let failure: Error | undefined = new Error('EIO');
  const { store } = memoryStore(() => failure);
  await using vaults = vaultsOver(store);
  await expect(vaults.receive(place('a'), bodyOf('a'))).rejects.toThrow('EIO');
  await expect(vaults.size(place('a'))).rejects.toMatchObject({ code: 'notFound' });
  await expect(vaults.list(device, 'data')).resolves.toEqual([]);
  failure = undefined;
  await vaults.receive(place('a'), bodyOf('a'));
  expect((await buffer(vaults.read(place('a')))).toString()).toBe('a');
  await expect(vaults.list(device, 'data')).resolves.toEqual([
    { name: place('a').name, bytes: 1, receivedMs: nowMs },
  ]);
});

test('a file that is there is never sent again, nor taken away by who tries', async () => {
  const { store, files } = memoryStore();
  await using vaults = vaultsOver(store);
  await vaults.receive(place('a'), bodyOf('a'));
  await expect(vaults.receive(place('a'), bodyOf('a'))).rejects.toMatchObject({ code: 'conflict' });
  expect(files.size).toBe(1);
});

test('a file that is listed and gone is not found, and stays in the list until the next start', async () => {
  const { store, files } = memoryStore();
  {
    await using vaults = vaultsOver(store);
    await vaults.receive(place('a'), bodyOf('a'));
    files.clear();
    await expect(vaults.size(place('a'))).rejects.toMatchObject({ code: 'notFound' });
    await expect(vaults.list(device, 'data')).resolves.toHaveLength(1);
  }
  await using again = vaultsOver(store);
  await expect(again.list(device, 'data')).resolves.toEqual([]);
});

test('[G1] a file that a crash kept from the list is listed when its name is durable, not before', async () => {
  const { store, files, kept } = memoryStore();
  const { name } = place('a');
  files.set(`${device}/data/${name}`, Buffer.from('a'));
  {
    const failing = { ...store, keep: () => Promise.reject(new Error('EIO')) };
    await using vaults = vaultsOver(failing);
    await expect(vaults.list(device, 'data')).rejects.toThrow('EIO');
  }
  await using vaults = vaultsOver(store);
  await expect(vaults.list(device, 'data')).resolves.toMatchObject([{ name }]);
  expect(kept).toEqual([`${device}/data/${name}`]);
});

test('a body counts by the length that it names, or else as it comes', async () => {
  const { store } = memoryStore();
  await using vaults = vaultsOver(store);
  const body = () => Readable.from([Buffer.alloc(600, 1), Buffer.alloc(600, 2)]);
  await expect(vaults.receive(place('a'), { body: body() })).rejects.toMatchObject({ code: 'quotaExceeded' });
  await expect(vaults.receive(place('b'), { body: body(), bytes: 1001 })).rejects.toMatchObject({
    code: 'quotaExceeded',
  });
  await expect(vaults.list(device, 'data')).resolves.toEqual([]);
  await vaults.receive(place('c'), bodyOf('x'.repeat(1000)));
});

test('removals are summed up over each who removed, and go into the audit log once', async () => {
  const { store } = memoryStore();
  const now = () => new Date(nowMs);
  const rules = new VaultRules({ db, now, defaultQuotaBytes: null });
  await using vaults = new Vaults({ db, store, rules, now, logger: silentLogger });
  for (const text of ['a', 'bb', 'ccc']) await vaults.receive(place(text), bodyOf(text));
  await rules.giveGrant(device, 60_000, 'operator:admin');
  await vaults.remove(place('a'), 'operator:admin');
  await vaults.remove(place('bb'), 'operator:admin');
  await expect(vaults.remove(place('bb'), 'operator:admin')).rejects.toMatchObject({ code: 'notFound' });
  nowMs += 60_000;
  await expect(vaults.remove(place('ccc'), 'operator:admin')).rejects.toMatchObject({ code: 'forbidden' });
  await vaults.auditRemovals();
  await vaults.auditRemovals();
  const rows = await db.selectFrom('audit').selectAll().where('action', '=', 'vault.removed').execute();
  expect(rows.map(({ actor, detail }) => ({ actor, detail: JSON.parse(detail) as unknown }))).toEqual([
    { actor: 'operator:admin', detail: { files: 2, bytes: 3 } },
  ]);
});
