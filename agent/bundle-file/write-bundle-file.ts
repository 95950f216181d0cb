import { createReadStream } from 'node:fs';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { asDiskError } from '../../cloud-sync/oci/disk-errors.ts';
import type { Descriptor, OciLayout } from '../../cloud-sync/oci/index.ts';
import { ociIndexType } from '../../cloud-sync/oci/index.ts';
import { tarPadding } from '../../cloud-sync/oci/layer/tar-format.ts';
import { tarEnd, tarHeader } from '../../cloud-sync/oci/layer/tar-header.ts';
import { renameDurably } from '../../lib/atomic-write.ts';
import type { Digest } from '../../lib/digest.ts';
import { indexFileName, layoutFile, layoutFileName } from './bundle-format.ts';

export type BundleContents = {
  readonly layout: OciLayout;
  /** What the index names, in its order; each with a name. */
  readonly entries: readonly Descriptor[];
  /** All that these need. */
  readonly blobs: ReadonlySet<Digest>;
};

export type WriteOptions = {
  readonly signal: AbortSignal;
  readonly onProgress: (bytesDone: number, bytesTotal: number) => void;
};

const fileMode = 0o644;
const folderMode = 0o755;
/** Named by entries of their own: skopeo makes one that is not, and wants to give it to root, which only root may. */
const folders = ['blobs', 'blobs/sha256'];

/**
 * Writes a bundle beside `path` and renames it there when it is whole and on disk. The same contents make the same bytes. Rejects with
 * `diskFull`, or the signal's reason; then `path` is as it was.
 */
export async function writeBundleFile(
  path: string,
  contents: BundleContents,
  options: WriteOptions,
): Promise<number> {
  const temporary = `${path}.tmp`;
  try {
    await using file = await open(temporary, 'w', fileMode);
    const bytes = await writeAll(file, contents, options);
    await file.sync();
    options.signal.throwIfAborted();
    await renameDurably(temporary, path);
    return bytes;
  } catch (error) {
    await rm(temporary, { force: true });
    throw asDiskError(error, temporary);
  }
}

/** Resolves with the size of the archive. */
async function writeAll(
  file: FileHandle,
  { layout, entries, blobs }: BundleContents,
  { signal, onProgress }: WriteOptions,
): Promise<number> {
  let bytes = 0;
  const write = async (piece: Uint8Array): Promise<void> => {
    await file.appendFile(piece);
    bytes += piece.byteLength;
  };
  const index = { schemaVersion: 2, mediaType: ociIndexType, manifests: entries };
  for (const [name, value] of [
    [layoutFileName, layoutFile],
    [indexFileName, index],
  ] as const) {
    const body = Buffer.from(JSON.stringify(value));
    await write(
      Buffer.concat([
        headerOf(name, 'file', body.byteLength),
        body,
        Buffer.alloc(tarPadding(body.byteLength)),
      ]),
    );
  }
  for (const name of folders) await write(headerOf(name, 'folder'));
  const sizes = await sizesOf(layout, blobs);
  const total = sizes.reduce((sum, [, size]) => sum + size, 0);
  let done = 0;
  for (const [digest, size] of sizes) {
    await write(headerOf(`blobs/${digest.replace(':', '/')}`, 'file', size));
    for await (const piece of createReadStream(layout.path(digest), { highWaterMark: 2 ** 20, signal })) {
      await write(piece as Buffer);
      onProgress((done += (piece as Buffer).byteLength), total);
    }
    await write(Buffer.alloc(tarPadding(size)));
  }
  await write(tarEnd);
  return bytes;
}

async function sizesOf(layout: OciLayout, blobs: ReadonlySet<Digest>): Promise<[Digest, number][]> {
  const sizes: [Digest, number][] = [];
  for (const digest of [...blobs].sort()) sizes.push([digest, (await layout.size(digest)) ?? 0]);
  return sizes;
}

/** Nobody's, of no time: it is what it holds. */
function headerOf(name: string, type: 'file' | 'folder', size = 0): Buffer {
  const mode = type === 'file' ? fileMode : folderMode;
  return tarHeader({ type, path: Buffer.from(name), mode, uid: 0, gid: 0, size, mtimeNs: 0n });
}
