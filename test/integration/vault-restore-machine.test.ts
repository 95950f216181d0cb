import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { restoreData, takeVault, type RestoreDataRequest } from '../../agent/restore-data.ts';
import { leastCost } from '../../cloud-sync/trust/passphrase-box.ts';
import { openFolderBackend } from '../../cloud-sync/vault/backend/folder-backend.ts';
import { createOwnerKey } from '../../cloud-sync/vault/keys/owner-key.ts';
import { openVault } from '../../cloud-sync/vault/keys/open-vault.ts';
import { silentLogger } from '../../lib/logger.ts';
import { VaultDevice, vaultIdentity } from '../support/vault-device.ts';

const { signal } = new AbortController();
const request = { reason: 'request', signal };
const photo = randomBytes(300_000);
const twoVolumes = { notes: { snapshot: '0 3 * * *' }, photos: {}, empty: {} };

let device: VaultDevice;
let ownerKey: string;
beforeAll(async () => {
  ownerKey = await createOwnerKey('the owner', { cost: leastCost });
});
beforeEach(async () => {
  device = await VaultDevice.open();
});
afterEach(() => device[Symbol.asyncDispose]());

const machine = () => device.machine({ vault: { owner: ownerKey }, volumes: twoVolumes });

const access = () => ({
  ...{ root: join(device.folder, 'new'), identity: vaultIdentity, machine: machine(), ownerKey },
  ...{ passphrase: 'the owner', recoveryCode: undefined, login: undefined },
  ...{ logger: silentLogger, signal },
});

/** A restore of the device on another, blank root. */
function restore(change: Partial<RestoreDataRequest> = {}) {
  return restoreData({ ...access(), onEvent: () => undefined, ...change });
}

const restored = (...path: string[]) => join(device.folder, 'new/volumes', ...path);

async function fill(): Promise<{ notes: string; photos: string }> {
  const keeper = await device.keeper(machine());
  await writeFile(device.volume('a.txt'), 'alpha');
  await chmod(device.volume('a.txt'), 0o640);
  await symlink('a.txt', device.volume('link'));
  const photos = join(device.root, 'volumes/photos');
  await mkdir(join(photos, 'deep'), { recursive: true });
  await writeFile(join(photos, 'deep/b.bin'), photo);
  const first = await keeper.snapshotVolume('notes', request);
  await writeFile(device.volume('a.txt'), 'beta!');
  await keeper.snapshotVolume('notes', request);
  const second = await keeper.snapshotVolume('photos', request);
  await keeper[Symbol.asyncDispose]();
  return { notes: first.id, photos: second.id };
}

describe('the data of a machine on a blank disk', () => {
  test('comes back by the passphrase alone, and the device gets a slot in place of the lost one [G9]', async () => {
    const { photos } = await fill();
    const plans: unknown[] = [];
    const data = await restore({ onEvent: (event) => (event.kind === 'plan' ? plans.push(event.plan) : 0) });

    expect(data).toMatchObject({
      volumes: { notes: { problems: 0 }, photos: { snapshot: photos } },
      without: ['empty'],
      oldSlots: [],
    });
    expect(plans).toMatchObject([
      {
        volumes: [
          { volume: 'notes', files: 1, resumes: false },
          { volume: 'photos', bytes: 300_000 },
        ],
      },
    ]);
    expect(await readFile(restored('notes/a.txt'), 'utf8')).toBe('beta!');
    expect((await stat(restored('notes/a.txt'))).mode & 0o777).toBe(0o640);
    expect(await readFile(restored('photos/deep/b.bin'))).toEqual(photo);
    await rm(device.root, { recursive: true });
    // By its own slot now: nobody has to type anything.
    expect(await restore({ passphrase: undefined })).toMatchObject({ oldSlots: [] });
    expect((await readdir(join(device.repository, 'keys'))).length).toBe(2);
  }, 120_000);

  test('comes back by a recovery code alone, and as it was at an earlier moment [G9]', async () => {
    const { notes } = await fill();
    const keeper = await device.keeper(machine());
    const code = await keeper.keys({ kind: 'addRecoveryCode' }, { signal });
    if (code.kind !== 'keyAdded') throw new Error('no key was added');
    await expect(restore({ passphrase: undefined })).rejects.toMatchObject({ code: 'notEnrolled' });
    await expect(restore({ passphrase: 'wrong' })).rejects.toMatchObject({ code: 'wrongPassphrase' });

    await restore({
      ...{ passphrase: undefined, ownerKey: undefined, recoveryCode: code.added.recoveryCode },
      chosen: { notes: notes.slice(0, 10) },
    });
    expect(await readFile(restored('notes/a.txt'), 'utf8')).toBe('alpha');
    await rm(join(device.folder, 'new'), { recursive: true });
    const data = await restore({ at: new Date(0) });
    expect(data).toMatchObject({ volumes: {}, without: ['notes', 'photos', 'empty'] });
  }, 120_000);

  test('is not believed whole when it is not: the list is exact, the rest is in place, and a second call ends it [G8]', async () => {
    await fill();
    // Of random bytes, in a snapshot of its own: no other file has a part in it.
    const pack = await largestFile(join(device.repository, 'data'));
    const whole = await readFile(pack);
    await rm(pack);
    const problems: unknown[] = [];
    const onEvent: RestoreDataRequest['onEvent'] = (event) => {
      if (event.kind === 'problems') problems.push([event.volume, event.problems.map(({ path }) => path)]);
    };
    await expect(restore({ onEvent })).rejects.toMatchObject({
      code: 'damaged',
      message: expect.stringMatching(/photos \(snapshot [0-9a-f]{8}\) without \/deep\/b\.bin$/),
    });
    expect(problems).toEqual([['photos', ['/deep/b.bin']]]);
    expect(await readFile(restored('notes/a.txt'), 'utf8')).toBe('beta!');
    await expect(stat(restored('photos/deep'))).rejects.toMatchObject({ code: 'ENOENT' });

    await writeFile(pack, whole);
    const events: string[] = [];
    await restore({ onEvent: (event) => (event.kind === 'progress' ? events.push(event.volume) : 0) });
    expect(new Set(events)).toEqual(new Set(['photos']));
    expect((await stat(restored('photos/deep/b.bin'))).size).toBe(300_000);
  }, 120_000);

  test('is told of as what it came from, until the machine takes a snapshot of its own', async () => {
    await fill();
    await using back = VaultDevice.at(join(device.folder, 'back'));
    await restore({ root: back.root });
    await using keeper = await back.keeper(machine());
    const { last, restored: from } = keeper.status().volumes.notes!;
    expect([last, from]).toMatchObject([null, { snapshot: expect.stringMatching(/^[0-9a-f]{64}$/) }]);
    expect(keeper.components()['volumes.notes']!.message).toBe(
      `Restored on ${from!.restored} from snapshot ${from!.snapshot.slice(0, 8)} of ${from!.taken}; none since`,
    );
    expect(keeper.status().volumes.empty).toMatchObject({ last: null, restored: null });
    const { id } = await keeper.snapshotVolume('notes', request);
    expect(keeper.components()['volumes.notes']!.message).toMatch(
      new RegExp(`^Last snapshot ${id.slice(0, 8)} of `),
    );
  }, 120_000);

  test('left away, the machine still gets its slot, trusts the owner of the file, and can take snapshots', async () => {
    await takeVault(access());
    await fill();
    const keeper = await device.keeper(machine());
    const code = await keeper.keys({ kind: 'addRecoveryCode' }, { signal });
    await keeper[Symbol.asyncDispose]();
    if (code.kind !== 'keyAdded') throw new Error('no key was added');

    await using back = VaultDevice.at(join(device.folder, 'back'));
    const { root } = back;
    const { recoveryCode } = code.added;
    await takeVault({ ...access(), root, passphrase: undefined, recoveryCode });
    expect(await readdir(join(root, 'volumes')).catch(() => [])).toEqual([]);
    const other = await createOwnerKey('somebody else', { cost: leastCost });
    await using again = await back.keeper(device.machine({ vault: { owner: other }, volumes: twoVolumes }));
    await mkdir(back.volume(), { recursive: true });
    expect((await again.snapshotVolume('notes', request)).id).toMatch(/^[0-9a-f]{64}$/);
    expect(again.conditions()).toMatchObject([{ type: 'OwnerKeyChanged' }]);
  }, 120_000);

  test('is the newest, also after a snapshot by a clock that was years ahead', async () => {
    const { notes } = await fill();
    const backend = openFolderBackend(device.repository);
    const secret = { kind: 'passphrase', text: 'the owner' } as const;
    const { repository } = await openVault(backend, { secret, ownerKey, signal });
    await using _ = repository;
    const { document } = await repository.snapshot(notes, { signal });
    const ahead = await repository.addSnapshot({ ...document, time: '2099-01-01T00:00:00Z' }, { signal });
    await utimes(join(device.repository, 'snapshots', ahead), 1, 1);
    await restore();
    expect(await readFile(restored('notes/a.txt'), 'utf8')).toBe('beta!');
  }, 120_000);

  test('is not taken for none when the repository is away, and nothing is written when nobody agrees to the plan', async () => {
    await expect(restore()).rejects.toMatchObject({ code: 'noRepository' });
    expect(await restore({ machine: device.machine({ volumes: { notes: {} } }) })).toBeUndefined();
    await fill();
    await expect(restore({ onPlan: () => Promise.reject(new Error('no')) })).rejects.toThrow('no');
    expect(await readdir(restored()).catch(() => [])).toEqual([]);
  }, 120_000);
});

async function largestFile(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const sized = await Promise.all(files.map(async (path) => ({ path, size: (await stat(path)).size })));
  return sized.sort((a, b) => b.size - a.size)[0]?.path ?? '';
}
