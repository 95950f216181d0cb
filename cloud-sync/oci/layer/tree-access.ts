import { chmodSync, lchownSync, lutimesSync } from 'node:fs';
import { errorCode } from '../../../lib/error-code.ts';
import { openPosix, type Posix } from '../../../lib/posix.ts';
import { badArchive } from './bad-archive.ts';

/** How trees are written to on this machine: what node cannot do is left out where there is no `posix`. */
export type TreeAccess = {
  readonly posix: Posix | undefined;
  /** Files get the owners that a layer names; else they are this process's. */
  readonly isRoot: boolean;
};

export function openTreeAccess(): TreeAccess {
  return { posix: openPosix(), isRoot: process.geteuid?.() === 0 };
}

export type TreeMetadata = {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
  readonly attributes: ReadonlyMap<string, Buffer>;
};

/** They tell overlayfs where else to look for a file: no image has a say in that. */
const overlayAttributes = /^(trusted|user)\.overlay\./;
/** Of this machine's policy, not of the image. */
const ownAttributes = new Set(['security.selinux', 'system.nfs4_acl']);

/** Owner, extended attributes, mode and time, in this order: each may undo what comes after it. Follows no link. */
export function setMetadata(
  path: string,
  { mode, uid, gid, mtimeNs, attributes }: TreeMetadata,
  { posix, isRoot, isLink = false }: TreeAccess & { readonly isLink?: boolean },
): void {
  if (isRoot) lchownSync(path, uid, gid);
  setAttributes(path, attributes, { posix, isRoot, isLink });
  if (!isLink) chmodSync(path, mode);
  setTime(path, mtimeNs, posix);
}

export function setTime(path: string, mtimeNs: bigint, posix: Posix | undefined): void {
  const seconds = Number(mtimeNs) / 1e9;
  if (posix && mtimeNs % 1_000_000_000n !== 0n) posix.setTimes(path, { atimeNs: mtimeNs, mtimeNs });
  else lutimesSync(path, seconds, seconds);
}

/** Those that the file system or the kind of file cannot have, and those that only root may set, are left out. */
export function setAttributes(
  path: string,
  attributes: ReadonlyMap<string, Buffer>,
  { posix, isRoot, isLink }: TreeAccess & { readonly isLink: boolean },
): void {
  for (const [name, value] of attributes) {
    if (overlayAttributes.test(name)) throw badArchive(`it sets the attribute ${name}`);
    if (ownAttributes.has(name)) continue;
    try {
      posix?.setAttribute(path, name, value);
    } catch (error) {
      const code = errorCode(error) ?? '';
      const isNoMatter = code === 'ENOTSUP' || (code === 'EPERM' && (!isRoot || isLink));
      if (!isNoMatter) throw error;
    }
  }
}

/** All of a file of our own, whose names are those of an archive: text. */
export function readAttributes(path: string, posix: Posix | undefined): ReadonlyMap<string, Buffer> {
  const names = (posix?.listAttributes(path) ?? []).filter((name) => typeof name === 'string');
  return new Map(names.flatMap((name) => (posix ? [[name, posix.getAttribute(path, name)] as const] : [])));
}
