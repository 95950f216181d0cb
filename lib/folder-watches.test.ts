import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { eventually } from '../test/support/data-plane.ts';
import { temporaryFolder } from '../test/support/cli.ts';
import { FolderWatches } from './folder-watches.ts';

test('a folder that was removed and made again is watched, also when it has the inode of the other', async () => {
  await using folder = await temporaryFolder();
  const root = join(folder.path, 'watched');
  const told: string[] = [];
  let birthtimeNs = 1n;
  using watches = new FolderWatches({
    ...{ root, maxFolders: 10, onChange: (path) => told.push(path) },
    stat: () => Promise.resolve({ ino: 7n, birthtimeNs }),
  });
  const walk = async () => {
    await mkdir(root);
    watches.begin();
    await watches.visit('');
    watches.end();
  };
  await walk();
  await writeFile(join(root, 'first'), '');
  await eventually(() => told.includes('first'));
  await rm(root, { recursive: true });
  birthtimeNs = 2n;
  await walk();
  await writeFile(join(root, 'second'), '');
  await eventually(() => told.includes('second'));
  expect(watches.failure).toBeUndefined();
});
