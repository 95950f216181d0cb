import { hash, randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { MemoryBackend } from '../../../test/support/memory-backend.ts';
import { SyncError } from '../../errors.ts';
import { maxKeyFileBytes } from '../format/key-file.ts';
import { createDeviceVault } from './device-slots.ts';
import { listSlots } from './key-slots.ts';
import { openVault } from './open-vault.ts';

const { signal } = new AbortController();

test('a slot opens beside key files that are too large, damaged or listed and gone', async () => {
  const backend = new MemoryBackend();
  const { slot } = await createDeviceVault(backend, { host: 'kiosk-1', secret: 'device', signal });
  const junk = [randomBytes(maxKeyFileBytes + 1), randomBytes(100), randomBytes(101)];
  const names = junk.map((bytes) => hash('sha256', bytes, 'hex'));
  for (const [index, bytes] of junk.entries()) await backend.write('keys', names[index]!, bytes);
  const read = backend.read.bind(backend);
  backend.read = (type, name, options) =>
    name === names[2] ? Promise.reject(new SyncError('notFound', 'gone')) : read(type, name, options);

  expect(await listSlots(backend, { signal })).toMatchObject([{ name: slot, kind: 'device' }]);
  const opened = await openVault(backend, { secret: { kind: 'device', text: 'device' }, signal });
  expect(opened.slot).toBe(slot);
});
