import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { VaultAccess } from '../../agent/vault/job-protocol.ts';
import { openAccess } from '../../agent/vault/open-access.ts';
import { createLogger } from '../../lib/logger.ts';

const { signal } = new AbortController();
/** Key files beyond which none is added. */
const maxSlots = 100;

let folder: string;
let access: VaultAccess;
const logged: string[] = [];
const logger = createLogger(({ event }) => logged.push(event));

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-access-'));
  access = {
    ...{
      location: join(folder, 'repository'),
      http: {},
      secret: 'the-secret-of-the-device',
      device: 'kiosk-1',
    },
    ...{ repositoryId: null, slot: null, floor: join(folder, 'floor.json'), owner: null },
  };
  logged.length = 0;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** What is remembered of the repository, for the next job. */
async function open(change: Partial<VaultAccess> = {}) {
  const { repository, slot, ownerSlot } = await openAccess({ ...access, ...change }, { signal, logger });
  await repository[Symbol.asyncDispose]();
  access = { ...access, repositoryId: repository.id, slot };
  return ownerSlot;
}

const keys = (): Promise<string[]> => readdir(join(access.location, 'keys'));

test('a repository with too many key files opens without a slot for the owner, who gets it once there is room', async () => {
  await open();
  const owner = { publicKey: randomBytes(32).toString('base64url'), slot: null };
  const strangers = Array.from({ length: maxSlots - 1 }, (_, n) =>
    join(access.location, 'keys', n.toString(16).padStart(64, '0')),
  );
  for (const path of strangers) await writeFile(path, 'no key');

  expect(await open({ owner })).toBeNull();
  expect([(await keys()).length, logged]).toEqual([maxSlots, ['vault.owner.slot.refused']]);

  await rm(strangers[0]!);
  const slot = await open({ owner });
  expect(await keys()).toContain(slot);
  // Full again: the one that is there is found, and none is asked for.
  expect(await open({ owner: { ...owner, slot } })).toBe(slot);
  expect([(await keys()).length, logged]).toEqual([maxSlots, ['vault.owner.slot.refused']]);
}, 60_000);

test('a slot for the owner that cannot be written fails the job, which is told why', async () => {
  await open();
  const publicKey = Buffer.from('no key of an owner').toString('base64url');
  await expect(open({ owner: { publicKey, slot: null } })).rejects.toThrow();
  expect([(await keys()).length, logged]).toEqual([1, []]);
});
