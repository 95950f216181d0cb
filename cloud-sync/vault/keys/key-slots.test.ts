import { hash, randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { MemoryBackend } from '../../../test/support/memory-backend.ts';
import { SyncError } from '../../errors.ts';
import { maxKeyFileBytes } from '../format/key-file.ts';
import { createMasterKey } from '../format/master-key.ts';
import { createDeviceVault } from './device-slots.ts';
import { addSlot, createSlot, listSlots } from './key-slots.ts';
import { openVault } from './open-vault.ts';
import { createRecoveryCode } from './recovery-code.ts';

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

describe('a store that somebody who can only add has filled with key files', () => {
  const device = { kind: 'device', text: 'device' } as const;
  const recovery = { kind: 'recoveryCode', text: createRecoveryCode() } as const;
  const by = { user: 'owner', host: 'kiosk-1' };
  const backend = new MemoryBackend();
  let slot = '';

  beforeAll(async () => {
    const created = await createDeviceVault(backend, { host: 'kiosk-1', secret: device.text, signal });
    slot = created.slot;
    await addSlot(created.repository, { kind: 'recovery', password: recovery.text, ...by }, { signal });
    const key = createMasterKey();
    const one = await createSlot(key, { kind: 'recovery', password: 'another', ...by });
    backend.now = () => Date.now() + 1000;
    for (let place = 0; place < 150; place += 1) {
      const bytes = Buffer.concat([one.bytes, Buffer.alloc(place, ' ')]);
      await backend.write('keys', hash('sha256', bytes, 'hex'), bytes);
    }
  });

  test('opens by the slots that were there before', async () => {
    expect(await openVault(backend, { secret: device, signal })).toMatchObject({ slot });
    expect(await openVault(backend, { secret: recovery, signal })).toMatchObject({
      slot: expect.not.stringMatching(slot),
    });
    expect(await listSlots(backend, { signal })).toContainEqual(expect.objectContaining({ name: slot }));
  });

  test('opens by the slot that is remembered without a look at the others', async () => {
    const list = backend.list.bind(backend);
    const listed: string[] = [];
    backend.list = (type) => {
      listed.push(type);
      return list(type);
    };
    expect(await openVault(backend, { secret: device, slot, signal })).toMatchObject({ slot });
    expect(listed).toEqual([]);
    expect(await openVault(backend, { secret: device, slot: 'f'.repeat(64), signal })).toMatchObject({
      slot,
    });
    backend.list = list;
  });

  test('takes no slot that would not be looked at', async () => {
    const { repository } = await openVault(backend, { secret: device, slot, signal });
    const adding = addSlot(repository, { kind: 'passphrase', password: 'new', ...by }, { signal });
    await expect(adding).rejects.toMatchObject({
      code: 'conflict',
      hint: expect.stringContaining('key list'),
    });
  });
});
