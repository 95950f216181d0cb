import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { QuietFolder } from '../../agent/vault/quiet-folder.ts';

let folder = '';
let quiet: QuietFolder;
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'holdfast-test-')), 'volume');
  mkdirSync(join(folder, 'deep/deeper'), { recursive: true });
  writeFileSync(join(folder, 'deep/deeper/file'), 'one');
  quiet = new QuietFolder(folder);
});
afterEach(async () => {
  quiet[Symbol.dispose]();
  await rm(join(folder, '..'), { recursive: true });
});

/** Waits for what the kernel has to say of `change`; the test's own time limit ends a wait for nothing. */
async function noticed(change: () => void): Promise<void> {
  change();
  while (await quiet.isQuiet()) await new Promise(setImmediate);
}

/** What this process watches, in the kernel's own words. */
function watchCount(): number {
  let count = 0;
  for (const descriptor of readdirSync('/proc/self/fdinfo'))
    if (existsSync(`/proc/self/fdinfo/${descriptor}`))
      count += readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8').split('inotify ').length - 1;
  return count;
}

describe('a folder that is watched', () => {
  test('is quiet while it is read only', async () => {
    await quiet.arm();
    await readdir(folder, { recursive: true });
    await readFile(join(folder, 'deep/deeper/file'));
    await stat(join(folder, 'deep'));
    expect(await quiet.isQuiet()).toBe(true);
    // What was on its way would have come before this.
    await noticed(() => writeFileSync(join(folder, 'new'), ''));
  });

  test.each([
    ['a byte at the end of a file', () => appendFileSync(join(folder, 'deep/deeper/file'), '!')],
    ['a new file', () => writeFileSync(join(folder, 'deep/new'), '')],
    ['a new folder', () => mkdirSync(join(folder, 'deep/deeper/new'))],
    ['a new link', () => symlinkSync('nowhere', join(folder, 'link'))],
    ['another mode', () => chmodSync(join(folder, 'deep/deeper/file'), 0o600)],
    ['another name', () => renameSync(join(folder, 'deep/deeper'), join(folder, 'deep/other'))],
    ['a file less', () => rmSync(join(folder, 'deep/deeper/file'))],
    ['another folder in its place', () => renameSync(folder, `${folder}.old`)],
  ])('is not after %s', async (_, change) => {
    await quiet.arm();
    expect(await quiet.isQuiet()).toBe(true);
    await noticed(change);
    expect(await quiet.isQuiet()).toBe(false);
  });

  test('can be armed again, new folders and all', async () => {
    await quiet.arm();
    await noticed(() => mkdirSync(join(folder, 'new')));
    await quiet.arm();
    expect(await quiet.isQuiet()).toBe(true);
    await noticed(() => writeFileSync(join(folder, 'new/file'), ''));
  });
});

describe('a folder that cannot be watched as a whole is not quiet', () => {
  test('one that is not there', async () => {
    rmSync(folder, { recursive: true });
    await quiet.arm();
    expect(await quiet.isQuiet()).toBe(false);
  });

  test('one of which the name leads elsewhere now', async () => {
    const [link, other] = [`${folder}.link`, `${folder}.other`];
    mkdirSync(other);
    symlinkSync(folder, link);
    using linked = new QuietFolder(link);
    await linked.arm();
    expect(await linked.isQuiet()).toBe(true);
    rmSync(link);
    symlinkSync(other, link);
    expect(await linked.isQuiet()).toBe(false);
  });

  test('one on a file system that changes without telling', async () => {
    using processes = new QuietFolder('/proc/self/fdinfo');
    await processes.arm();
    expect(await processes.isQuiet()).toBe(false);
  });

  test('one with too many folders', async () => {
    for (let at = 0; at < 2000; at++) mkdirSync(join(folder, `folder-${at}`));
    await quiet.arm();
    expect(await quiet.isQuiet()).toBe(false);
  });

  test('one that was let go while it was being armed', async () => {
    const before = watchCount();
    const arming = quiet.arm();
    quiet[Symbol.dispose]();
    await arming;
    expect(await quiet.isQuiet()).toBe(false);
    // Nor is any of it watched any more.
    expect(watchCount()).toBe(before);
  });
});
