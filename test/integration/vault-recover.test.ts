import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { recoverVolumes } from '../../agent/vault/recover-volumes.ts';
import { discardStaging } from '../../cloud-sync/vault/restore/staging.ts';
import { writeMarker } from '../../cloud-sync/vault/restore/staging-marker.ts';
import { createLogger } from '../../lib/logger.ts';
import { temporaryFolder } from '../support/cli.ts';

let root: string;
let volume: string;
let staging: string;
let stack: AsyncDisposableStack;
const events: string[] = [];
const logger = createLogger(({ event }) => events.push(event));

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  root = stack.use(await temporaryFolder()).path;
  volume = join(root, 'volumes', 'data');
  staging = join(root, 'volumes', '.data.restoring-0123456789abcdef');
  events.length = 0;
  await mkdir(join(staging, 'old'), { recursive: true });
  await mkdir(join(staging, 'tree'));
  await writeFile(join(staging, 'old', 'state'), 'old');
  await writeFile(join(staging, 'tree', 'state'), 'new');
  await writeMarker(staging, {
    ...{ version: 1, repository: 'r', snapshot: 's', path: '', target: 'data' },
    state: 'exchanging',
  });
});
afterEach(() => stack.disposeAsync());

const state = () => readFile(join(volume, 'state'), 'utf8');

describe('a volume whose restore was killed between the two steps of an exchange', () => {
  test('comes back when the agent starts', async () => {
    await recoverVolumes(root, logger);
    expect([await state(), events]).toEqual(['old', ['volume.recovered']]);
    await recoverVolumes(root, logger);
    expect(events).toHaveLength(1);
    expect(await discardStaging(volume)).toBe(0);
    expect([await state(), await readdir(join(root, 'volumes'))]).toEqual(['old', ['data']]);
  });

  test('comes back over an empty one that somebody made meanwhile', async () => {
    await mkdir(volume);
    expect(await discardStaging(volume)).toBe(0);
    expect(await state()).toBe('old');
  });

  test('is kept beside one to which something came meanwhile, until somebody decides', async () => {
    await mkdir(volume);
    await writeFile(join(volume, 'state'), 'other');
    await expect(discardStaging(volume)).rejects.toMatchObject({
      code: 'conflict',
      hint: expect.stringContaining(join(staging, 'old')),
    });
    await recoverVolumes(root, logger);
    expect([await state(), await readFile(join(staging, 'old', 'state'), 'utf8')]).toEqual(['other', 'old']);
    expect(events).toEqual(['volume.recover.failed']);
    await rm(volume, { recursive: true });
    await recoverVolumes(root, logger);
    expect(await state()).toBe('old');
  });
});

test('the old state of a volume comes back also where the new one is lost', async () => {
  await rm(join(staging, 'tree'), { recursive: true });
  await recoverVolumes(root, logger);
  expect([await state(), events]).toEqual(['old', ['volume.recovered']]);
});

test('a volume whose restore was killed after the exchange has the new state', async () => {
  await rename(join(staging, 'tree'), volume);
  await recoverVolumes(root, logger);
  expect([await state(), events]).toEqual(['new', []]);
  expect(await discardStaging(volume)).toBe(0);
  expect([await state(), await readdir(join(root, 'volumes'))]).toEqual(['new', ['data']]);
});

test('a staging folder that cannot be read is told of, and keeps neither the others nor the device', async () => {
  const unreadable = join(root, 'volumes', '.b.restoring-0123456789abcdef');
  await mkdir(join(unreadable, 'restore.json'), { recursive: true });
  await recoverVolumes(root, logger);
  expect([await state(), events.toSorted()]).toEqual(['old', ['volume.recover.failed', 'volume.recovered']]);
});

test('folders that cannot be listed do not keep the device from starting', async () => {
  await rm(join(root, 'volumes'), { recursive: true });
  await writeFile(join(root, 'volumes'), 'no folder');
  await recoverVolumes(root, logger);
  expect(events).toEqual(['volume.recover.failed']);
});

test('a device without volumes has nothing to recover', async () => {
  await recoverVolumes(join(root, 'nobody'), logger);
  expect(events).toEqual([]);
});
