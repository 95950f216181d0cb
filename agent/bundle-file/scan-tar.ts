import type { FileHandle } from 'node:fs/promises';
import { badBundle } from './bad-bundle.ts';
import { TarReader } from '../../cloud-sync/oci/layer/read-tar.ts';
import type { TarEntry } from '../../cloud-sync/oci/layer/tar-entry.ts';
import { tarBlockBytes, tarPadding } from '../../cloud-sync/oci/layer/tar-format.ts';

/** A member, and where in the file its body is. */
export type TarMember = Pick<TarEntry, 'type' | 'path' | 'size'> & { readonly offset: number };

/** Blocks of headers before one member: longer names than these nobody has here. */
const maxHeaderBlocks = 64;

/** The members of an archive, their bodies passed over. Throws a SyncError `badArchive`. */
export async function* scanTar(file: FileHandle, fileBytes: number): AsyncGenerator<TarMember> {
  for (let at = 0; ;) {
    const member = await memberAt(file, at);
    if (member === undefined) return;
    at = member.offset + member.size + tarPadding(member.size);
    if (member.offset + member.size > fileBytes) throw badBundle('it ends in the middle of an entry');
    yield member;
  }
}

/** Undefined at the zeros that end the archive. */
async function memberAt(file: FileHandle, start: number): Promise<TarMember | undefined> {
  let found: TarEntry | undefined;
  const reader = new TarReader({
    entry: (entry) => (found = entry),
    data: () => undefined,
    end: () => undefined,
  });
  const block = Buffer.alloc(tarBlockBytes);
  for (let count = 0; count < maxHeaderBlocks; count++) {
    const offset = start + count * tarBlockBytes;
    const { bytesRead } = await file.read(block, 0, tarBlockBytes, offset);
    if (bytesRead < tarBlockBytes) throw badBundle('it ends without its two blocks of zeros');
    if (count === 0 && block.every((byte) => byte === 0)) return undefined;
    try {
      reader.push(block);
    } catch (error) {
      throw badBundle('a header in it cannot be read', error);
    }
    const entry = found;
    if (entry)
      return { type: entry.type, path: entry.path, size: entry.size, offset: offset + tarBlockBytes };
  }
  throw badBundle(`an entry has more than ${maxHeaderBlocks} blocks of headers`);
}
