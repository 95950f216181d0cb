import { expect, test } from '@jest/globals';
import { createMemoryRepository } from '../../../test/support/memory-repository.ts';
import { SyncError } from '../../errors.ts';
import { explainForbidden } from './add-only-store.ts';

const refused = new SyncError('forbidden', 'No', { hint: 'Check the owner of the folder.' });

test.each([
  ['rest:https://cloud.example/vault/kiosk-1/', 'holdfast vault grant'],
  ['/mnt/backup', 'the owner of the folder'],
])('who may not remove from %s is told what helps there', async (location, hint) => {
  const { repository } = await createMemoryRepository();
  const there = { ...repository, backend: { ...repository.backend, location } };
  await expect(explainForbidden(there, 'prune', () => Promise.reject(refused))).rejects.toMatchObject({
    code: 'forbidden',
    hint: expect.stringContaining(hint),
  });
});
