import { expect, test } from '@jest/globals';
import { stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../lib/make-folder.ts';
import { temporaryFolder } from '../support/data-plane.ts';

test('missing folders are made, and a second call finds them', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'a', 'b', 'c');
  await makeFolder(path, { mode: 0o700 });
  const { mode } = await stat(path);
  expect(mode & 0o777).toBe(0o700);
  await expect(makeFolder(path)).resolves.toBeUndefined();
});

test('many may make the same folders at a time', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'a', 'b', 'c');
  await Promise.all(Array.from({ length: 20 }, () => makeFolder(path)));
  const made = await stat(path);
  expect(made.isDirectory()).toBe(true);
});

test('where no folder can be the error comes, rather than nothing for ever', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'file'), '');
  await symlink(join(folder.path, 'nowhere', 'at', 'all'), join(folder.path, 'link'));
  for (const path of ['file', 'file/a/b']) {
    const making = makeFolder(join(folder.path, path));
    await expect(making).rejects.toMatchObject({
      code: expect.stringMatching(/^(EEXIST|ENOTDIR)$/) as unknown,
    });
  }
  const behindLink = makeFolder(join(folder.path, 'link/a/b'));
  await expect(behindLink).rejects.toMatchObject({
    code: expect.stringMatching(/^(EEXIST|ENOENT)$/) as unknown,
  });
});

(process.platform === 'linux' ? test : test.skip)(
  'a folder below /proc is refused at once (linux only: others have none)',
  async () => {
    await expect(makeFolder('/proc/holdfast/device')).rejects.toMatchObject({
      code: expect.stringMatching(/^(ENOENT|EACCES|EPERM)$/) as unknown,
    });
  },
);
