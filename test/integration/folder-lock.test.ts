import { spawnSync } from 'node:child_process';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { lockFolder } from '../../lib/folder-lock.ts';
import { nodeFlags, temporaryFolder } from '../support/cli.ts';

test('a folder that is not there, or is a file, is said to be that', async () => {
  await using folder = await temporaryFolder();
  const missing = join(folder.path, 'missing');
  expect(() => lockFolder(missing)).toThrow(expect.objectContaining({ code: 'ENOENT', path: missing }));
  expect(() => lockFolder(import.meta.filename)).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
});

test('a folder of somebody else is said to be not allowed, whether or not its lock is there', async () => {
  await using folder = await temporaryFolder();
  await chmod(folder.path, 0o755);
  const foreign = join(folder.path, 'foreign');
  await mkdir(foreign);
  const isRoot = process.getuid?.() === 0;
  const program = `
    import { lockFolder } from '${new URL('../../lib/folder-lock.ts', import.meta.url).href}';
    if (${isRoot}) process.setuid(65_534);
    try { lockFolder('${foreign}'); } catch ({ code, path }) { console.log(code, path); }
  `;
  const flags = [...nodeFlags, '--input-type=module', '--eval', program];
  const tryAsAnother = () => spawnSync(process.execPath, flags, { encoding: 'utf8' }).stdout;
  if (!isRoot) await chmod(foreign, 0o555);
  expect(tryAsAnother()).toBe(`EACCES ${foreign}\n`);
  if (!isRoot) return;
  lockFolder(foreign)?.[Symbol.dispose]();
  await chmod(join(foreign, '.lock'), 0o600);
  expect(tryAsAnother()).toBe(`EACCES ${join(foreign, '.lock')}\n`);
});
