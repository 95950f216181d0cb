import { errorCode } from '../../../lib/error-code.ts';
import type { Posix, RawPath } from '../../../lib/posix.ts';
import type { ExtendedAttribute } from '../format/tree-node.ts';

export type Attributes = {
  readonly attributes: readonly ExtendedAttribute[];
  /** Names that are no UTF-8, for people: other bytes than ASCII as `\xff`. */
  readonly lost: readonly string[];
};

const none: Attributes = { attributes: [], lost: [] };

/**
 * All of an open file or of what lies at a path, access lists of POSIX among them (`system.posix_acl_access`); without those that go
 * while they are read. Snapshots and images have names of attributes as text only: those that are no UTF-8 are `lost`.
 */
export function readAttributes(posix: Posix | undefined, of: RawPath | number): Attributes {
  if (posix === undefined) return none;
  const names = unlessGone(() => posix.listAttributes(of)) ?? [];
  if (names.length === 0) return none;
  const attributes = names.flatMap((name) => {
    const value = typeof name === 'string' ? unlessGone(() => posix.getAttribute(of, name)) : undefined;
    return typeof name !== 'string' || value === undefined ? [] : [{ name, value }];
  });
  return { attributes, lost: names.filter((name) => typeof name !== 'string').map(shownName) };
}

function shownName(name: Buffer): string {
  return name.toString('latin1').replace(/[^ -~]/g, (byte) => `\\x${hexOf(byte)}`);
}

function hexOf(byte: string): string {
  return byte.charCodeAt(0).toString(16).padStart(2, '0');
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
