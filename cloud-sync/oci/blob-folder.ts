import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { syncFolder } from '../../lib/atomic-write.ts';
import { digestOf, isDigest, type Digest } from '../../lib/digest.ts';
import { errorCode } from '../../lib/error-code.ts';
import { SyncError } from '../errors.ts';
import { FileBlobWriter, type BlobWriter } from './blob-writer.ts';
import { makeFolder } from './make-folder.ts';

const maxPartialAgeMs = 7 * 86_400_000;

export type WriterRequest = {
  /** Known beforehand: an interrupted attempt for it is resumed, and this one kept when it is interrupted. */
  readonly digest?: Digest;
  readonly size?: number;
  readonly maxBytes?: number;
};

export type ByteRange = { readonly start: number; readonly end: number };

/** Blobs under their SHA-256, as `blobs/sha256/…` of an OCI layout. A blob is there whole or not at all. [G1] */
export class BlobFolder {
  readonly #blobs: string;
  readonly #partials: string;
  readonly #resuming = new Set<Digest>();

  private constructor(blobs: string, partials: string) {
    this.#blobs = blobs;
    this.#partials = partials;
  }

  /** `root` gets `blobs/sha256` and `.partial`; what crashed writers left there is removed, or kept a week to resume. */
  static async open(root: string): Promise<BlobFolder> {
    const [blobs, partials] = [join(root, 'blobs', 'sha256'), join(root, '.partial')];
    await makeFolder(blobs);
    await makeFolder(partials);
    for (const name of await readdir(partials)) {
      const path = join(partials, name);
      const keep = name.endsWith('.part') && Date.now() - (await stat(path)).mtimeMs < maxPartialAgeMs;
      if (!keep) await rm(path, { force: true, recursive: true });
    }
    return new BlobFolder(blobs, partials);
  }

  /** For reading alone: makes nothing, removes nothing, and may be done while another process writes there. */
  static at(root: string): BlobFolder {
    return new BlobFolder(join(root, 'blobs', 'sha256'), join(root, '.partial'));
  }

  path(digest: Digest): string {
    return join(this.#blobs, digest.slice('sha256:'.length));
  }

  /** Bytes of the file, undefined when there is none. Says nothing about what is in it. */
  async size(digest: Digest): Promise<number | undefined> {
    try {
      return (await stat(this.path(digest))).size;
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Bytes that an interrupted attempt left, 0 without one. */
  async heldBytes(digest: Digest): Promise<number> {
    try {
      return (await stat(this.#partial(digest))).size;
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return 0;
      throw error;
    }
  }

  /** The verified bytes. [G8] Rejects with `notFound`, `tooLarge` or `corrupt`. */
  async read(digest: Digest, maxBytes: number): Promise<Buffer> {
    try {
      await using file = await open(this.path(digest), 'r');
      const { size } = await file.stat();
      if (size > maxBytes)
        throw new SyncError('tooLarge', `The blob ${digest} is larger than ${maxBytes} bytes`);
      const bytes = await file.readFile();
      if (digestOf(bytes) !== digest) throw corrupt(digest);
      return bytes;
    } catch (error) {
      if (errorCode(error) === 'ENOENT') throw missing(digest);
      if (errorCode(error) === 'EIO') throw corrupt(digest, error);
      throw error;
    }
  }

  /** The bytes as they are on disk, not verified. The stream emits ENOENT when there is no such blob. */
  stream(digest: Digest, range?: ByteRange): Readable {
    return createReadStream(this.path(digest), range ?? {});
  }

  /** Whether the blob is there and its bytes make its digest: reads all of it. [G8] */
  async isWhole(digest: Digest, { signal }: { readonly signal?: AbortSignal } = {}): Promise<boolean> {
    const hash = createHash('sha256');
    try {
      for await (const chunk of createReadStream(this.path(digest), signal ? { signal } : {})) {
        hash.update(chunk as Buffer);
      }
    } catch (error) {
      if (errorCode(error) === 'ENOENT' || errorCode(error) === 'EIO') return false;
      throw error;
    }
    return `sha256:${hash.digest('hex')}` === digest;
  }

  async createWriter({
    digest,
    size,
    maxBytes = Number.MAX_SAFE_INTEGER,
  }: WriterRequest): Promise<BlobWriter> {
    const resumable = digest !== undefined && !this.#resuming.has(digest);
    if (resumable) this.#resuming.add(digest);
    return FileBlobWriter.open({
      path: resumable
        ? this.#partial(digest)
        : join(this.#partials, `${randomBytes(12).toString('hex')}.tmp`),
      target: (found) => this.path(found),
      ...(digest !== undefined && { digest }),
      ...(size !== undefined && { size }),
      maxBytes,
      resumable,
      onClose: () => {
        if (resumable) this.#resuming.delete(digest);
      },
    });
  }

  #partial(digest: Digest): string {
    return join(this.#partials, `${digest.slice('sha256:'.length)}.part`);
  }

  /** Every blob there is, verified or not. */
  async digests(): Promise<Set<Digest>> {
    const names = await readdir(this.#blobs);
    return new Set(names.map((name) => `sha256:${name}`).filter((text) => isDigest(text)));
  }

  async remove(digest: Digest): Promise<void> {
    await rm(this.path(digest), { force: true });
    await syncFolder(this.#blobs);
  }

  /** Bytes an unprivileged writer may still add to this file system. */
  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#blobs);
    return bavail * bsize;
  }
}

function corrupt(digest: Digest, cause?: unknown): SyncError {
  return new SyncError('corrupt', `The stored blob ${digest} is damaged`, {
    cause,
    hint: 'It is fetched again at the next apply; check the disk if this repeats.',
  });
}

function missing(digest: Digest): SyncError {
  return new SyncError('notFound', `The blob ${digest} is not in the local store`);
}
