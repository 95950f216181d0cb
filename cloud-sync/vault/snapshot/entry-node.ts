import { readlinkSync } from 'node:fs';
import type { Posix } from '../../../lib/posix.ts';
import { nameOfBytes } from '../format/name-bytes.ts';
import type { TreeNode } from '../format/tree-node.ts';
import type { AccountNames } from './account-names.ts';
import { readAttributes, type Attributes } from './extended-attributes.ts';
import { inodeOf } from './file-facts.ts';
import type { Entry } from './folder-entries.ts';
import { rawPath } from './raw-path.ts';

/**
 * What a snapshot says of an entry, but for what is in it. The time of the last access is that of the last change, as restic has it by
 * default: else every reading of a file would be a new tree.
 */
export function nodeOf({ name, type, facts }: Entry, accounts: AccountNames): TreeNode {
  const uid = Number(facts.uid);
  const gid = Number(facts.gid);
  const isDevice = type === 'dev' || type === 'chardev';
  return {
    name,
    type,
    mode: Number(facts.mode) & 0o7777,
    mtimeNs: facts.mtimeNs,
    atimeNs: facts.mtimeNs,
    ctimeNs: facts.ctimeNs,
    uid,
    gid,
    user: accounts.userOf(uid),
    group: accounts.groupOf(gid),
    inode: inodeOf(facts.ino),
    deviceId: Number(facts.dev),
    links: type === 'dir' ? 0 : Number(facts.nlink),
    size: type === 'file' ? Number(facts.size) : 0,
    ...(isDevice ? { device: Number(facts.rdev) } : {}),
  };
}

export type Details = {
  readonly node: Pick<TreeNode, 'linkTarget' | 'extendedAttributes'>;
  readonly lost: Attributes['lost'];
};

/** What lies at `path` beside what `lstat` says: the target of a link, attributes. Throws node's errors. */
export function readDetails({ type }: Entry, path: string, posix: Posix | undefined): Details {
  const raw = rawPath(path);
  const { attributes, lost } = readAttributes(posix, raw);
  const node = {
    ...(type === 'symlink' ? { linkTarget: nameOfBytes(readlinkSync(raw, 'buffer')) } : {}),
    ...(attributes.length === 0 ? {} : { extendedAttributes: attributes }),
  };
  return { node, lost };
}
