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
    expect([await state(), await readdir(join(root, 'volumes')), events]).toEqual([
      'old',
      ['data'],
      ['volume.recovered'],
    ]);
    await recoverVolumes(root, logger);
    expect(events).toHaveLength(1);
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

test('a volume whose restore was killed after the exchange has the new state', async () => {
  await rename(join(staging, 'tree'), volume);
  await recoverVolumes(root, logger);
  expect([await state(), await readdir(join(root, 'volumes'))]).toEqual(['new', ['data']]);
});

test('a device without volumes has nothing to recover', async () => {
  await recoverVolumes(join(root, 'nobody'), logger);
  expect(events).toEqual([]);
});
