import { expect, jest, test } from '@jest/globals';
import { openOwnerKey } from '../cloud-sync/vault/keys/owner-key.ts';
import type { JsonObject } from '../manifests/index.ts';
import { completeVault, documentFingerprint, hasSnapshots } from './vault-section.ts';

jest.setTimeout(60_000);

const document: JsonObject = {
  metadata: { name: 'kiosk-1' },
  vault: { repository: '/mnt/backup' },
  volumes: { data: { snapshot: '0 * * * *' }, scratch: {} },
};

test('with volumes to snapshot, a passphrase adds an owner key that it opens, and the key of the file before stays', async () => {
  const first = await completeVault({ document, previous: undefined, passphrase: 'correct horse' });
  expect(first.vault).toMatchObject({ repository: '/mnt/backup', owner: expect.stringMatching(/^hfo1\./) });
  const { owner } = first.vault as { owner: string };
  await expect(openOwnerKey(owner, 'correct horse')).resolves.toMatchObject({
    publicKey: expect.any(String),
  });
  expect(documentFingerprint(first)).toMatch(/^([0-9a-f]{4} ){11}[0-9a-f]{4}$/);

  const again = await completeVault({ document, previous: first, passphrase: undefined });
  expect(again).toEqual(first);
  const forgotten = completeVault({ document, previous: first, passphrase: 'another' });
  await expect(forgotten).rejects.toMatchObject({ code: 'wrongPassphrase' });
});

test('without a passphrase, or without volumes to snapshot, the document stays as it is', async () => {
  expect(await completeVault({ document, previous: undefined, passphrase: undefined })).toBe(document);
  const plain: JsonObject = { volumes: { data: {} } };
  expect(hasSnapshots(plain)).toBe(false);
  expect(await completeVault({ document: plain, previous: undefined, passphrase: 'x' })).toBe(plain);
});
