import { expect, test } from '@jest/globals';
import { getSystemErrorName } from 'node:util';
import { fileProblem } from './file-problem.ts';

const failure = (errno: number) => {
  const code = getSystemErrorName(errno);
  return Object.assign(new Error(`${code}: open '/data/file'`), { code, errno, syscall: 'open' });
};
const [damaged, badMessage, locked, leased, gone] = [-117, -74, -126, -11, -2] as const;
const [tooManyFiles, noMemory] = [-24, -12] as const;

test('one damaged, locked or leased file is a problem of its own, and keeps no other from the snapshot', () => {
  for (const errno of [damaged, badMessage, locked, leased]) {
    expect(fileProblem(failure(errno))).toMatchObject({ code: 'unreadable' });
  }
  expect(fileProblem(failure(gone))).toMatchObject({ code: 'vanished' });
});

test('what no file is the cause of ends the snapshot', () => {
  for (const errno of [tooManyFiles, noMemory]) expect(() => fileProblem(failure(errno))).toThrow();
  expect(() => fileProblem(new TypeError('a mistake of ours'))).toThrow('a mistake of ours');
});
