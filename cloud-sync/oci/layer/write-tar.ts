import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { SyncError } from '../../errors.ts';
import { rawPath } from '../../vault/snapshot/raw-path.ts';
import { tarPadding } from './tar-format.ts';
import { tarEnd, tarHeader } from './tar-header.ts';
import type { TreeEntry } from './tree-entries.ts';

/** Bytes of the archive, in order. The next piece may be written over this one. */
export type TarPiece = {
  readonly bytes: Uint8Array;
  /** A large file begins here, or has ended: a good place to cut, for what is before says nothing about what comes. */
  readonly apart: boolean;
};

/** Files of at least this size are kept apart from headers and small files. */
const apartBytes = 16 * 1024;
const readBytes = 1024 * 1024;
/** Never through a link that was put there since, never waiting for the other end of a fifo. */
const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** The archive of `entries`. Synchronous; throws `conflict` for a file that changes while it is read. */
export function* writeTar(entries: Iterable<TreeEntry>): Generator<TarPiece> {
  const buffer = Buffer.allocUnsafeSlow(readBytes);
  let apart = false;
  for (const entry of entries) {
    yield { bytes: tarHeader(entry), apart };
    apart = entry.size >= apartBytes;
    if (entry.size > 0) yield* fileBody(entry, { buffer, apart });
  }
  yield { bytes: tarEnd, apart };
}

type Reading = { readonly buffer: Buffer; readonly apart: boolean };

/** With the zeros that fill its last block. */
function* fileBody({ source, size }: TreeEntry, { buffer, apart }: Reading): Generator<TarPiece> {
  const descriptor = openFile(source);
  try {
    for (let done = 0; done < size;) {
      const count = readSync(descriptor, buffer, 0, Math.min(readBytes, size - done), null);
      if (count === 0) throw changed(source);
      yield { bytes: buffer.subarray(0, count), apart: apart && done === 0 };
      done += count;
    }
    if (fstatSync(descriptor).size !== size) throw changed(source);
  } finally {
    closeSync(descriptor);
  }
  const padding = tarPadding(size);
  if (padding > 0) yield { bytes: Buffer.alloc(padding), apart: false };
}

function openFile(source: string): number {
  try {
    return openSync(rawPath(source), openFlags);
  } catch (cause) {
    throw new SyncError('badImage', `Cannot read ${source}`, {
      cause,
      hint: 'Make it readable, and build again.',
    });
  }
}

function changed(source: string): SyncError {
  return new SyncError('conflict', `${source} changed while it was read`, {
    hint: 'Build from a tree that nothing writes to.',
  });
}
