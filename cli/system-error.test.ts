import { expect, test } from '@jest/globals';
import { explainSystemError } from './system-error.ts';

const failed = (code: string, syscall: string, path?: string) =>
  Object.assign(new Error(`${code}: ${syscall} '${path}'`), { code, syscall, ...(path && { path }) });

test('what the system says of a path is worded for people, with what to do', () => {
  expect(explainSystemError(failed('EEXIST', 'mkdir', '/f'))).toEqual({
    message: 'Cannot make the folder /f: something else is in its place.',
    hint: 'Name another path.',
  });
  expect(explainSystemError(failed('ENOTDIR', 'scandir', '/f/x'))?.message).toBe(
    'Cannot list /f/x: a file is where a folder has to be.',
  );
  expect(explainSystemError(failed('EACCES', 'lstat', '/root/x'))?.message).toBe(
    'Cannot use /root/x: the system does not allow it.',
  );
});

test('what is not about a path is left as it is', () => {
  for (const error of [
    failed('ENOENT', 'spawn bwrap', 'bwrap'),
    failed('ENOENT', 'connect', '/run/control.sock'),
    failed('EBADF', 'read', '/f'),
    failed('EACCES', 'mkdir'),
    new Error('mkdir'),
    undefined,
  ])
    expect(explainSystemError(error)).toBeUndefined();
});
