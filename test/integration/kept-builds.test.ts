import { existsSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { temporaryFolder } from '../support/cli.ts';
import { keptBuild } from '../support/kept-builds.ts';

test('a build is made once, and stays while another run of the tests uses it', async () => {
  await using folder = await temporaryFolder();
  const builds = join(folder.path, 'builds');
  const made: string[] = [];
  const build = (name: string) =>
    keptBuild(builds, name, (into) => {
      made.push(name);
      writeFileSync(join(into, 'program'), name);
    });
  const twoHoursAgo = new Date(Date.now() - 7_200_000);
  const first = build('first');
  utimesSync(first, twoHoursAgo, twoHoursAgo);
  // It is used again, so what follows leaves it alone.
  expect(build('first')).toBe(first);
  const second = build('second');
  expect(existsSync(join(first, 'program'))).toBe(true);
  utimesSync(first, twoHoursAgo, twoHoursAgo);
  build('third');
  expect(readdirSync(builds).sort()).toEqual(['second', 'third']);
  expect(readdirSync(second)).toEqual(['program']);
  expect(made).toEqual(['first', 'second', 'third']);
});

test('a build that fails leaves none', async () => {
  await using folder = await temporaryFolder();
  const fail = () => {
    throw new Error('does not compile');
  };
  expect(() => keptBuild(folder.path, 'broken', fail)).toThrow('does not compile');
  expect(existsSync(join(folder.path, 'broken'))).toBe(false);
});
