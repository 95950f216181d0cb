import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from '@jest/globals';
import { openDatabase } from '../../cloud-sync/control-plane/database/open.ts';
import { temporaryFolder } from '../support/cli.ts';

test('a database that another program has, or that cannot be opened, is not called broken: nobody is told to move it away', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'control-plane.db');
  await (await openDatabase(path)).destroy();
  const other = new DatabaseSync(path);
  other.exec('BEGIN EXCLUSIVE');
  const kept = { code: 'badState', hint: expect.stringMatching(/^Nothing is wrong with what is in it/) };
  await expect(openDatabase(path, { lockTimeoutMs: 200 })).rejects.toMatchObject(kept);
  other.close();
  await (await openDatabase(path)).destroy();
  await mkdir(join(folder.path, 'folder'));
  await expect(openDatabase(join(folder.path, 'folder'))).rejects.toMatchObject(kept);
});
