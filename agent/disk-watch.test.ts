import { expect, test } from '@jest/globals';
import { silentLogger } from '../lib/logger.ts';
import { DiskWatch } from './disk-watch.ts';

const mib = 2 ** 20;

function watch() {
  const at = { bytes: 50 * mib, files: 100 as number | null, isGone: false, changes: 0 };
  const disk = new DiskWatch({
    root: '/device',
    onChange: () => (at.changes += 1),
    logger: silentLogger,
    measure: () => (at.isGone ? Promise.reject(new Error('EIO')) : Promise.resolve({ ...at })),
  });
  const look = async (changed: Partial<typeof at>) => {
    await disk.look();
    Object.assign(at, changed);
    await disk.look();
    return disk.conditions().map(({ message }) => message);
  };
  return { at, look };
}

test('a disk with next to nothing left is told of, once, until there is room to go on with', async () => {
  const { at, look } = watch();
  expect(await look({ bytes: 2 * mib })).toEqual([]);
  expect(await look({ bytes: 4096 })).toEqual([
    'Only 4 KiB are free in /device: messages, snapshots and new generations are refused. Free some space; the agent goes on by itself.',
  ]);
  expect(await look({ bytes: 1.5 * mib })).toHaveLength(1);
  expect(at.changes).toBe(1);
  expect(await look({ bytes: 2 * mib })).toEqual([]);
  expect(at.changes).toBe(2);
});

test('a disk that takes no more files is full, one that does not count them is not', async () => {
  const { look } = watch();
  expect((await look({ files: 0 }))[0]).toMatch(/^No more files can be made in \/device: /);
  expect(await look({ files: null })).toEqual([]);
});

test('a disk that cannot be asked changes nothing', async () => {
  const { look } = watch();
  expect(await look({ bytes: 0 })).toHaveLength(1);
  expect(await look({ isGone: true, bytes: 50 * mib })).toHaveLength(1);
});
