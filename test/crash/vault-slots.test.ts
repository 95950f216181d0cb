import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { leastCost } from '../../cloud-sync/trust/passphrase-box.ts';
import { openFolderBackend } from '../../cloud-sync/vault/backend/folder-backend.ts';
import { createDeviceVault } from '../../cloud-sync/vault/keys/device-slots.ts';
import { addSlot, listSlots, type KeySlotKind } from '../../cloud-sync/vault/keys/key-slots.ts';
import { openVault, type VaultSecret } from '../../cloud-sync/vault/keys/open-vault.ts';
import { createOwnerKey } from '../../cloud-sync/vault/keys/owner-key.ts';
import { ownerPublicKey } from '../../cloud-sync/vault/keys/owner-public-key.ts';
import { createRecoveryCode } from '../../cloud-sync/vault/keys/recovery-code.ts';
import { restoreSnapshot } from '../../cloud-sync/vault/restore/restore-snapshot.ts';
import { takeSnapshot } from '../../cloud-sync/vault/snapshot/take-snapshot.ts';
import { silentLogger as logger } from '../../lib/logger.ts';
import { temporaryFolder } from '../support/cli.ts';
import { seededRandom } from '../support/random.ts';
import { treeDifferences, treeEntries } from '../support/tree-entries.ts';
import { copyRepository } from './vault/damage.ts';
import { Volume } from './vault/volume.ts';

const { signal } = new AbortController();
const host = 'greenhouse-7';
const passphrase = 'correct horse battery staple';

/** A device's repository with one snapshot and a slot of each kind. */
async function createVault(folder: string, volume: string) {
  const location = join(folder, 'repository');
  const ownerKey = await createOwnerKey(passphrase, { cost: leastCost });
  const device = randomBytes(32).toString('base64url');
  const { repository } = await createDeviceVault(openFolderBackend(location), {
    host,
    secret: device,
    owner: ownerPublicKey(ownerKey),
    signal,
  });
  await using _ = repository;
  const by = { user: 'owner', host };
  const recoveryCode = createRecoveryCode();
  const printed = 'another passphrase';
  await addSlot(repository, { kind: 'recovery', password: recoveryCode, ...by }, { signal });
  await addSlot(repository, { kind: 'passphrase', password: printed, ...by }, { signal });
  const { id } = await takeSnapshot({
    ...{ repository, folder: volume, recordedPath: '/volumes/data', hostname: host },
    ...{ tags: [], excludes: [], parent: 'none', signal, logger },
  });
  const secrets: Readonly<Record<Exclude<KeySlotKind, 'password'>, VaultSecret>> = {
    device: { kind: 'device', text: device },
    owner: { kind: 'passphrase', text: passphrase },
    passphrase: { kind: 'passphrase', text: printed },
    recovery: { kind: 'recoveryCode', text: recoveryCode.toUpperCase() },
  };
  return { location, id, ownerKey, secrets };
}

/** A copy of the repository in which all slots but those of one kind are lost. */
async function withOnly(location: string, kind: KeySlotKind, copy: string): Promise<void> {
  copyRepository(location, copy);
  for (const slot of await listSlots(openFolderBackend(copy), { signal }))
    if (slot.kind !== kind) await rm(join(copy, 'keys', slot.name));
}

test('[G9] each key slot alone gives back every file, and none opens by the secret of another', async () => {
  await using folder = await temporaryFolder();
  const source = join(folder.path, 'volume');
  await mkdir(source);
  const volume = new Volume(source, seededRandom(1), seededRandom(2));
  const { location, id, ownerKey, secrets } = await createVault(folder.path, source);

  const entries = Object.entries(secrets);
  for (const [index, [kind, secret]] of entries.entries()) {
    const copy = join(folder.path, `only-${kind}`);
    await withOnly(location, kind as KeySlotKind, copy);
    const { repository } = await openVault(openFolderBackend(copy), { secret, ownerKey, signal });
    await using _ = repository;
    const target = join(folder.path, `restored-by-${kind}`);
    const { problems } = await restoreSnapshot({ repository, snapshot: id, target, signal, logger });
    expect({ kind, problems, differences: treeDifferences(volume.entries(), treeEntries(target)) }).toEqual({
      ...{ kind, problems: [], differences: [] },
    });
    const [other, wrong] = entries[(index + 1) % entries.length]!;
    const opened = openVault(openFolderBackend(copy), { secret: wrong, ownerKey, signal });
    await expect(opened.then(() => `${kind} opened by ${other}`)).rejects.toMatchObject({
      code: 'wrongPassphrase',
    });
  }
}, 120_000);
