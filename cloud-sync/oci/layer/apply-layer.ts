import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { errorCode } from '../../../lib/error-code.ts';
import { SyncError } from '../../errors.ts';
import { asDiskError } from '../disk-errors.ts';
import type { AppliedLayer, ApplyRequest, LayerLimits } from './apply-request.ts';
import { badArchive } from './bad-archive.ts';
import { LayerTree } from './layer-tree.ts';
import { asDecodeError, createTarDecoder } from './plain-tar.ts';
import { TarReader } from './read-tar.ts';
import { openTreeAccess } from './tree-access.ts';

const readBytes = 2 ** 20;
/** A little of nothing but zeros is no bomb. */
const freeBytes = 16 * 2 ** 20;

/**
 * Brings a layer into a tree. The file system is written to synchronously: call it in a process of its own. Rejects with `badArchive`,
 * `digestMismatch` or `diskFull`, with the signal's reason, and with node's errors; the tree is then to be thrown away.
 */
export async function applyLayer(request: ApplyRequest): Promise<AppliedLayer> {
  const { rootfs, limits, diffId } = request;
  using tree = new LayerTree(rootfs, { maxEntries: limits.maxEntries, access: openTreeAccess() });
  try {
    const { found, bytes } = await readInto(tree, request);
    if (found !== diffId) {
      throw new SyncError('digestMismatch', `A layer makes ${found}, and the image says ${diffId}`, {
        hint: 'The image was built wrongly, or its layer was damaged; nothing of it was kept.',
      });
    }
    tree.finish();
    return { entries: tree.entries, bytes, hasCapabilities: tree.hasCapabilities };
  } catch (error) {
    throw asDiskError(asPathError(asDecodeError(error)), rootfs);
  }
}

async function readInto(
  tree: LayerTree,
  { blob, mediaType, limits, signal, onProgress }: ApplyRequest,
): Promise<{ readonly found: string; readonly bytes: number }> {
  const reader = new TarReader(tree);
  const hash = createHash('sha256');
  const source = createReadStream(blob, { highWaterMark: readBytes });
  let bytes = 0;
  const consume = async (pieces: AsyncIterable<Buffer>): Promise<void> => {
    for await (const piece of pieces) {
      bytes += piece.length;
      checkSize(bytes, source.bytesRead, limits);
      hash.update(piece);
      reader.push(piece);
      onProgress?.(bytes);
    }
  };
  const decoder = createTarDecoder(mediaType);
  await (decoder ? pipeline(source, decoder, consume, { signal }) : pipeline(source, consume, { signal }));
  reader.finish();
  return { found: `sha256:${hash.digest('hex')}`, bytes };
}

function checkSize(bytes: number, packedBytes: number, { maxBytes, maxRatio }: LayerLimits): void {
  if (bytes > maxBytes) throw badArchive(`it is larger than ${maxBytes} bytes`);
  if (bytes > freeBytes && bytes > maxRatio * packedBytes)
    throw badArchive(`${packedBytes} bytes of it make more than ${maxRatio} times as many`);
}

/** Names that no file system takes. */
function asPathError(error: unknown): unknown {
  const isName = ['ENAMETOOLONG', 'EILSEQ', 'EINVAL'].includes(errorCode(error) ?? '');
  return isName ? badArchive('a path of it cannot be made here', error) : error;
}
