import { mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { writeInPlace } from './write-in-place.ts';

let folder: string;
let path: string;
let previous: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-in-place-'));
  path = join(folder, 'state.json');
  previous = `${path}.previous`;
  await writeFile(path, '"second"');
  await writeFile(previous, `"first"${' '.repeat(8000)}\n`);
});
afterEach(() => rm(folder, { recursive: true }));

const read = async (file: string): Promise<unknown> => JSON.parse(await readFile(file, 'utf8'));

test('what was is the copy before, and a shorter text gives nothing back to the disk', async () => {
  const { size } = await stat(previous);
  expect(await writeInPlace('"third"\n', { path, previous })).toBe(true);
  expect([await read(path), await read(previous)]).toEqual(['third', 'second']);
  expect((await stat(path)).size).toBe(size);
  expect((await readdir(folder)).sort()).toEqual(['state.json', 'state.json.previous']);
});

test('a copy that a crash left without its name is taken', async () => {
  await rename(previous, `${previous}.tmp`);
  expect(await writeInPlace('"third"\n', { path, previous })).toBe(true);
  expect([await read(path), await read(previous)]).toEqual(['third', 'second']);
});

test('without a copy of its own nothing is done', async () => {
  await rm(previous);
  expect(await writeInPlace('"third"\n', { path, previous })).toBe(false);
  expect(await read(path)).toBe('second');
});
