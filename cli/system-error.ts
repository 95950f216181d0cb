import { errorCode } from '../lib/error-code.ts';

export type Explained = { readonly message: string; readonly hint: string };

type Reason = readonly [why: string, hint: string];

const another = 'Name another path.';
const rights = 'Change who may use it, or run this as a user who may.';

const reasons: Readonly<Record<string, Reason>> = {
  ENOENT: ['there is no such file or folder', 'Correct the path, or make what is missing.'],
  ENOTDIR: ['a file is where a folder has to be', another],
  EEXIST: ['something else is in its place', another],
  EISDIR: ['it is a folder', 'Name a file.'],
  ENOTEMPTY: ['it is not empty', another],
  EACCES: ['the system does not allow it', rights],
  EPERM: ['the system does not allow it', rights],
  EROFS: ['its file system can only be read', another],
  ENOSPC: ['no space is left on its disk', 'Make room there, then run this again.'],
  EDQUOT: ['the quota of this user is used up', 'Make room there, then run this again.'],
  ENAMETOOLONG: ['its name is too long', another],
  ELOOP: ['its links lead in a circle', another],
  EINVAL: ['its file system cannot do that', another],
};

const doings: Readonly<Record<string, string>> = {
  mkdir: 'make the folder',
  scandir: 'list',
  opendir: 'list',
  open: 'open',
  read: 'read',
  write: 'write',
  rename: 'rename',
  unlink: 'remove',
  rm: 'remove',
  rmdir: 'remove',
};

/** What node says of a call of the file system, for people; undefined for other errors, which are not about a path. */
export function explainSystemError(error: unknown): Explained | undefined {
  const reason = reasons[errorCode(error) ?? ''];
  if (reason === undefined || !isFileError(error)) return undefined;
  const [why, hint] = reason;
  return { message: `Cannot ${doings[error.syscall] ?? 'use'} ${error.path}: ${why}.`, hint };
}

function isFileError(error: unknown): error is { readonly path: string; readonly syscall: string } {
  if (typeof error !== 'object' || error === null || !('path' in error) || !('syscall' in error))
    return false;
  const { path, syscall } = error;
  return typeof path === 'string' && typeof syscall === 'string' && !isOther(syscall);
}

/** A `path` of theirs is a program or a socket. */
function isOther(syscall: string): boolean {
  return syscall.startsWith('spawn') || syscall === 'connect' || syscall === 'listen';
}
