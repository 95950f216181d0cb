import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { temporaryFolder } from '../../support/cli.ts';
import { readFailedSync } from './failing-calls.ts';

async function read(...lines: readonly string[]) {
  await using folder = await temporaryFolder();
  const log = join(folder.path, 'log');
  await writeFile(log, lines.join('\n'));
  return await readFailedSync(log);
}

const good = '11 fsync(20</r/locks/a.tmp>) = 0';
const failed = '11 fsync(21</r/data/b.tmp>) = -1 EIO (Input/output error) (INJECTED)';

test('no fsync failed where none was made to', async () => {
  expect(await read(good, good)).toBeUndefined();
});

test('the one that failed is named, also when another thread spoke in between', async () => {
  expect(await read(good, failed, good)).toEqual({ path: '/r/data/b.tmp', wasRepeated: false });
  const begun = '12 fsync(22</r/index/c.tmp> <unfinished ...>';
  const ended = '12 <... fsync resumed>) = -1 EIO (Input/output error) (INJECTED)';
  expect(await read(begun, good, ended)).toEqual({ path: '/r/index/c.tmp', wasRepeated: false });
});

test('the same file synced once more is seen', async () => {
  const again = '13 fdatasync(29</r/data/b.tmp>) = 0';
  expect(await read(failed, good, again)).toEqual({ path: '/r/data/b.tmp', wasRepeated: true });
});
