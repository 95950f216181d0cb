import { execFile } from 'node:child_process';
import { hash } from 'node:crypto';
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createJobRunner } from '../../agent/vault/job-process.ts';
import { openFolderBackend } from '../../cloud-sync/vault/backend/folder-backend.ts';
import { leastCost } from '../../cloud-sync/trust/passphrase-box.ts';
import { createOwnerKey } from '../../cloud-sync/vault/keys/owner-key.ts';
import { ownerFingerprint, ownerPublicKey } from '../../cloud-sync/vault/keys/owner-public-key.ts';
import { openVault, type VaultSecret } from '../../cloud-sync/vault/keys/open-vault.ts';
import { silentLogger } from '../../lib/logger.ts';
import { peerTest } from '../support/peers.ts';
import { VaultDevice } from '../support/vault-device.ts';

const run = promisify(execFile);
const { signal } = new AbortController();
const request = { reason: 'request', signal };
const cheap = { cost: leastCost };

let device: VaultDevice;
beforeEach(async () => {
  device = await VaultDevice.open();
  await writeFile(device.volume('first.txt'), 'one');
});
afterEach(() => device[Symbol.asyncDispose]());

/** Whether it opens; the error's code when not. */
async function openBy(secret: VaultSecret, ownerKey?: string): Promise<string> {
  const backend = openFolderBackend(device.repository);
  try {
    const { repository, slot } = await openVault(backend, { secret, ownerKey, signal });
    await repository[Symbol.asyncDispose]();
    return slot;
  } catch (error) {
    await backend[Symbol.asyncDispose]();
    return (error as { code: string }).code;
  }
}

describe('the keeper of a vault in a folder', () => {
  peerTest(
    ['restic'],
    'makes the repository at the first snapshot, goes on from it, and restic agrees [G4, G10]',
    async () => {
      const keeper = await device.keeper(device.machine(), createJobRunner({ logger: silentLogger }));
      const first = await keeper.snapshotVolume('notes', request);
      await writeFile(device.volume('second.txt'), 'two');
      const second = await keeper.snapshotVolume('notes', request);

      expect(first.files.new).toBe(1);
      expect(second).toMatchObject({ parent: first.id, files: { new: 1, unmodified: 1 } });
      expect(keeper.status()).toMatchObject({
        repository: { location: device.repository },
        volumes: { notes: { last: { snapshot: second.id, problems: 0 }, failure: null, overdue: false } },
      });
      expect(keeper.jobs().map(({ kind, state }) => [kind, state])).toEqual([
        ['snapshot', 'succeeded'],
        ['snapshot', 'succeeded'],
      ]);
      const key = join(device.root, 'identity/vault.key');
      expect((await stat(key)).mode & 0o777).toBe(0o600);
      const env = { PATH: process.env.PATH, RESTIC_PASSWORD: (await readFile(key, 'utf8')).trim() };
      const restic = (...args: string[]) =>
        run('restic', ['--no-cache', '-r', device.repository, ...args], { env });
      await restic('check', '--read-data');
      const { stdout } = await restic('snapshots', '--json');
      expect(JSON.parse(stdout)).toMatchObject([
        { hostname: 'kiosk-1', paths: ['/volumes/notes'], id: first.id },
        { hostname: 'kiosk-1', paths: ['/volumes/notes'], id: second.id },
      ]);
    },
    120_000,
  );

  test('says of a volume that has no folder what is missing, and makes no empty snapshot of it', async () => {
    const keeper = await device.keeper(device.machine({ volumes: { photos: { snapshot: '0 3 * * *' } } }));
    await expect(keeper.snapshotVolume('photos', request)).rejects.toMatchObject({
      code: 'notFound',
      message: `There is no folder ${join(device.root, 'volumes/photos')}`,
    });
    expect(await readdir(join(device.repository, 'snapshots'))).toEqual([]);
  }, 60_000);

  test('puts a volume back to the snapshot that was taken for an update', async () => {
    const keeper = await device.keeper();
    const before = await keeper.snapshotVolume('notes', { ...request, reason: 'update of shop' });
    await writeFile(device.volume('first.txt'), 'spoilt');
    await writeFile(device.volume('new.txt'), 'new');

    const restored = await keeper.restoreVolume('notes', before.id, { ...request, reason: 'rollback' });

    expect(restored).toMatchObject({ snapshot: before.id, files: 1 });
    expect(await readdir(device.volume())).toEqual(['first.txt']);
    expect(await readFile(device.volume('first.txt'), 'utf8')).toBe('one');
    await expect(keeper.snapshotVolume('nothing', request)).rejects.toMatchObject({ code: 'unknownVolume' });
  }, 120_000);

  test('each key slot alone opens the repository, and not once it was removed [G9]', async () => {
    const ownerKey = await createOwnerKey('the owner', cheap);
    const keeper = await device.keeper(device.machine({ vault: { owner: ownerKey } }));
    await keeper.snapshotVolume('notes', request);
    const code = await keeper.keys({ kind: 'addRecoveryCode' }, { signal });
    const passphrase = await keeper.keys({ kind: 'addPassphrase', passphrase: 'a third one' }, { signal });
    if (code.kind !== 'keyAdded' || passphrase.kind !== 'keyAdded') throw new Error('no key was added');
    const recoveryCode = {
      kind: 'recoveryCode',
      text: code.added.recoveryCode?.toUpperCase() ?? '',
    } as const;

    expect(await openBy(recoveryCode)).toBe(code.added.name);
    expect(await openBy({ kind: 'passphrase', text: 'a third one' }, ownerKey)).toBe(passphrase.added.name);
    expect(await openBy({ kind: 'passphrase', text: 'the owner' })).toBe('wrongPassphrase');
    const owners = await openBy({ kind: 'passphrase', text: 'the owner' }, ownerKey);
    const listed = await keeper.keys({ kind: 'listKeys' }, { signal });
    if (listed.kind !== 'keys') throw new Error('no keys were listed');
    expect(listed.slots.map(({ kind, inUse }) => [kind, inUse]).sort()).toEqual([
      ['device', true],
      ['owner', false],
      ['passphrase', false],
      ['recovery', false],
    ]);
    expect(listed.slots.find(({ kind }) => kind === 'owner')?.name).toBe(owners);

    await keeper.keys({ kind: 'removeKey', name: code.added.name.slice(0, 8) }, { signal });
    expect(await openBy(recoveryCode)).toBe('wrongPassphrase');
    const own = listed.slots.find(({ inUse }) => inUse)?.name ?? '';
    await expect(keeper.keys({ kind: 'removeKey', name: own }, { signal })).rejects.toMatchObject({
      code: 'conflict',
    });
  }, 120_000);

  test('seals to the first owner key it saw, and to another one only once that is accepted here [G7]', async () => {
    const [trusted, foreign] = await Promise.all([
      createOwnerKey('the owner', cheap),
      createOwnerKey('somebody', cheap),
    ]);
    const keeper = await device.keeper(device.machine({ vault: { owner: trusted } }));
    await keeper.snapshotVolume('notes', request);
    await keeper.configure(device.machine({ vault: { owner: foreign } }));
    await keeper.snapshotVolume('notes', request);

    expect(await openBy({ kind: 'passphrase', text: 'somebody' }, foreign)).toBe('wrongPassphrase');
    expect(keeper.conditions()).toMatchObject([{ type: 'OwnerKeyChanged', status: true }]);
    const fingerprint = ownerFingerprint(ownerPublicKey(foreign));
    expect(keeper.status().owner).toMatchObject({ offered: fingerprint, slot: true });
    await expect(keeper.trustOwner('0000')).rejects.toMatchObject({ code: 'badInput' });

    await keeper.trustOwner(fingerprint.toUpperCase());
    await keeper.snapshotVolume('notes', request);
    expect(await openBy({ kind: 'passphrase', text: 'somebody' }, foreign)).toMatch(/^[0-9a-f]{64}$/);
    expect(keeper.conditions()).toEqual([]);
  }, 120_000);

  test('forgets by keep, prunes and checks, and finds what is damaged', async () => {
    const keeper = await device.keeper();
    await keeper.snapshotVolume('notes', request);
    await writeFile(device.volume('first.txt'), 'another');
    const last = await keeper.snapshotVolume('notes', request);

    expect(await keeper.upkeep({ kind: 'forget', prune: true }, 'request', { signal })).toMatchObject({
      did: 'forget',
      kept: 1,
      forgotten: [expect.not.stringMatching(last.id)],
    });
    expect(
      await keeper.upkeep({ kind: 'check', readData: { part: 1, of: 1 } }, 'request', { signal }),
    ).toMatchObject({
      snapshots: 1,
      damageCount: 0,
    });
    await rm(join(device.repository, 'data'), { recursive: true });
    expect(await keeper.upkeep({ kind: 'check' }, 'request', { signal })).toMatchObject({
      damage: expect.arrayContaining([expect.objectContaining({ kind: 'pack' })]),
    });
  }, 120_000);

  test('a snapshot file that cannot be read stays, and stops nobody but the prune [G8]', async () => {
    const keeper = await device.keeper();
    await keeper.snapshotVolume('notes', request);
    // What somebody with a credential that only adds could add: garbage, and more of it than a snapshot has.
    const garbage = [Buffer.from('no snapshot'), Buffer.alloc(5 * 1024 * 1024)];
    const names = garbage.map((bytes) => hash('sha256', bytes, 'hex'));
    const folder = join(device.repository, 'snapshots');
    for (const [at, name] of names.entries()) await writeFile(join(folder, name), garbage[at]!);
    await writeFile(device.volume('first.txt'), 'another');
    const last = await keeper.snapshotVolume('notes', request);

    const forgetting = keeper.upkeep({ kind: 'forget', prune: true }, 'request', { signal });
    await expect(forgetting).rejects.toMatchObject({ code: 'damaged' });
    expect((await readdir(folder)).toSorted()).toEqual([last.id, ...names].toSorted());
    expect(await keeper.upkeep({ kind: 'forget', prune: false }, 'request', { signal })).toMatchObject({
      ...{ did: 'forget', kept: 1 },
    });
  }, 120_000);

  test('does not begin anew when the repository is gone, another one, or older than it was', async () => {
    const keeper = await device.keeper();
    await keeper.snapshotVolume('notes', request);
    await rename(device.repository, `${device.repository}.away`);
    await expect(keeper.snapshotVolume('notes', request)).rejects.toMatchObject({ code: 'stale' });
    expect(keeper.status().volumes.notes).toMatchObject({ failure: { code: 'stale', attempts: 1 } });

    await rename(`${device.repository}.away`, device.repository);
    const [snapshot = ''] = await readdir(join(device.repository, 'snapshots'));
    await rm(join(device.repository, 'snapshots', snapshot));
    await expect(keeper.snapshotVolume('notes', request)).rejects.toMatchObject({
      code: 'stale',
      message: expect.stringContaining(snapshot.slice(0, 8)),
    });
    expect(keeper.components()['volumes.notes']).toMatchObject({ kind: 'volume', state: 'failed' });

    await keeper.acceptState({ signal });
    await keeper.snapshotVolume('notes', request);
    expect(keeper.components()['volumes.notes']).toMatchObject({ state: 'running' });
    await rm(device.repository, { recursive: true });
    await keeper.acceptState({ signal });
    await keeper.snapshotVolume('notes', request);
    expect(await readdir(join(device.repository, 'snapshots'))).toHaveLength(1);
  }, 120_000);
});
