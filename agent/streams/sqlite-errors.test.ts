import { expect, test } from '@jest/globals';
import { storeError } from './sqlite-errors.ts';

test.each([
  ['ENOSPC', 'diskFull'],
  ['EDQUOT', 'diskFull'],
  ['EIO', 'broken'],
])('%s of the log, which is looked at before SQLite does, is told as SQLite would be', (code, told) => {
  const cause = Object.assign(new Error('of the system'), { code });
  expect(storeError(cause, 'local.db')).toMatchObject({ code: told, cause });
});

test.each([
  ['SQLITE_IOERR_SHMSIZE', 4874, 'diskFull'],
  ['SQLITE_IOERR_FSYNC', 1034, 'broken'],
])('%s is told as what it means', (_, errcode, told) => {
  const cause = Object.assign(new Error('disk I/O error'), { errcode });
  expect(storeError(cause, 'local.db')).toMatchObject({ code: told, cause });
});

test('what is no failure of a disk comes back as it is', () => {
  const bug = new TypeError('undefined is not a function');
  expect(storeError(bug, 'local.db')).toBe(bug);
});
