import { lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { linkOrCopy } from '../../../cloud-sync/oci/layer/link-or-copy.ts';
import { readAttributes, setMetadata, type TreeAccess } from '../../../cloud-sync/oci/layer/tree-access.ts';

/**
 * Makes the tree `to` of the tree `from`: folders are new, all else are further names of the same files, so that nothing may ever be
 * written into one.
 */
export function copyTree(from: string, to: string, access: TreeAccess): void {
  mkdirSync(to, { mode: 0o700, recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [`${from}/${entry.name}`, `${to}/${entry.name}`];
    if (entry.isDirectory()) copyTree(source, target, access);
    else linkOrCopy(source, target, access);
  }
  const { mode, uid, gid, mtimeNs } = lstatSync(from, { bigint: true });
  setMetadata(
    to,
    {
      mode: Number(mode) & 0o7777,
      uid: Number(uid),
      gid: Number(gid),
      mtimeNs,
      attributes: readAttributes(from, access.posix),
    },
    access,
  );
}
