import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from '@jest/globals';
import { nodeFlags, temporaryFolder } from '../support/cli.ts';
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
  expect(readdirSync(builds).sort()).toEqual(['.lock', 'second', 'third']);
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

test('of two workers that want a build at the same time one makes it, and the other waits for it', async () => {
  await using folder = await temporaryFolder();
  const program = `
    import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
    import { keptBuild } from '${pathToFileURL(join(import.meta.dirname, '../support/kept-builds.ts')).href}';
    const [folder, name, other] = process.argv.slice(1);
    const wait = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    writeFileSync(folder + '/' + name, '');
    keptBuild(folder + '/builds', 'build', () => {
      appendFileSync(folder + '/made', 'made ');
      while (!existsSync(folder + '/' + other)) wait(10);
      // So that the other has come to ask for it.
      wait(500);
    });`;
  const worker = async (name: string, other: string): Promise<unknown> => {
    const args = [...nodeFlags, '--input-type=module', '--eval', program, folder.path, name, other];
    const [code] = (await once(spawn(process.execPath, args, { stdio: 'inherit' }), 'exit')) as [unknown];
    return code;
  };
  expect(await Promise.all([worker('one', 'two'), worker('two', 'one')])).toEqual([0, 0]);
  expect(readFileSync(join(folder.path, 'made'), 'utf8')).toBe('made ');
});
