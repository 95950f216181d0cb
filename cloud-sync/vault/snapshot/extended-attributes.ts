import { errorCode } from '../../../lib/error-code.ts';
import type { Posix, RawPath } from '../../../lib/posix.ts';
import type { ExtendedAttribute } from '../format/tree-node.ts';

const none: readonly ExtendedAttribute[] = [];

/** All of an open file or of what lies at a path, access lists of POSIX among them (`system.posix_acl_access`); without those that go while they are read. */
export function readAttributes(posix: Posix | undefined, of: RawPath | number): readonly ExtendedAttribute[] {
  if (posix === undefined) return none;
  const names = unlessGone(() => posix.listAttributes(of)) ?? [];
  if (names.length === 0) return none;
  return names.flatMap((name) => {
    const value = unlessGone(() => posix.getAttribute(of, name));
    return value === undefined ? [] : [{ name, value }];
  });
}

const goneCodes = ['ENODATA', 'ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'EOPNOTSUPP', 'ENOTSUP'];

function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (goneCodes.includes(errorCode(error) ?? '')) return undefined;
    throw error;
  }
}
