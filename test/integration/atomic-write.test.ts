import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { atomicWrite, sweepTemporaries } from '../../lib/atomic-write.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-atomic-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const longAgo = new Date('2020-01-01');

async function leave(name: string, time = longAgo): Promise<void> {
  await writeFile(join(folder, name), 'half');
  await utimes(join(folder, name), time, time);
}

test('a write that succeeds leaves the file alone in its folder', async () => {
  await atomicWrite(join(folder, 'state.json'), '{}');
  await atomicWrite(join(folder, 'state.json'), '{"n":1}');
  expect(await readdir(folder)).toEqual(['state.json']);
  expect(await readFile(join(folder, 'state.json'), 'utf8')).toBe('{"n":1}');
});

test('what is to happen before the replacement sees the new bytes beside the old, and prevents it by failing', async () => {
  const path = join(folder, 'state.json');
  await atomicWrite(path, 'old');
  const beforeReplacing = async () => {
    const other = (await readdir(folder)).find((name) => name !== 'state.json') ?? '';
    expect([await readFile(path, 'utf8'), await readFile(join(folder, other), 'utf8')]).toEqual([
      'old',
      'new',
    ]);
    throw new Error('no');
  };
  await expect(atomicWrite(path, 'new', { beforeReplacing })).rejects.toThrow('no');
  expect(await readdir(folder)).toEqual(['state.json']);
  expect(await readFile(path, 'utf8')).toBe('old');
});

describe('sweepTemporaries', () => {
  test('removes what a write cut short by a crash has left', async () => {
    await leave('state.json.0123456789ab.tmp');
    await leave('state.json');
    expect(await sweepTemporaries(folder)).toEqual(['state.json.0123456789ab.tmp']);
    expect(await readdir(folder)).toEqual(['state.json']);
  });

  test('keeps what this process writes, other names, folders, and what lies deeper', async () => {
    await leave('running.0123456789ab.tmp', new Date(Date.now() + 60_000));
    for (const name of ['a.tmp', 'b.0123456789AB.tmp', 'c.0123456789ab.tmp.json', '0123456789ab.tmp'])
      await leave(name);
    await mkdir(join(folder, 'd.0123456789ab.tmp'));
    await leave('d.0123456789ab.tmp/e.0123456789ab.tmp');
    const before = await readdir(folder, { recursive: true });
    expect(await sweepTemporaries(folder)).toEqual([]);
    expect(await readdir(folder, { recursive: true })).toEqual(before);
  });

  test('finds nothing in a folder that is not there', async () => {
    expect(await sweepTemporaries(join(folder, 'gone'))).toEqual([]);
  });
});
