import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { renameDurably } from '../../lib/atomic-write.ts';
import type { Digest } from '../../lib/digest.ts';
import { forgetUnwritten } from '../../lib/forget-unwritten.ts';
import { readFromDisk } from '../../lib/read-from-disk.ts';
import { SyncError } from '../errors.ts';
import { asDiskError } from './disk-errors.ts';

/** Takes the bytes of one blob in order and installs it only when they are the right ones. Dispose it in any case. */
export type BlobWriter = AsyncDisposable & {
  /** Bytes held, those of an interrupted attempt included: where to resume. */
  readonly bytesWritten: number;
  /** Rejects with `sizeMismatch` or `tooLarge` on the first excess byte, which is not written; or with `diskFull`. */
  write(chunk: Uint8Array): Promise<void>;
  /** Forgets the bytes held, to begin again. */
  reset(): Promise<void>;
  /**
   * Verifies and installs the blob; resolves when it is on disk under its name. [G1] Rejects with `digestMismatch` or
   * `sizeMismatch`, and then nothing of it is left. `digest` is needed when the writer was made without one.
   */
  commit(digest?: Digest): Promise<Digest>;
};

export type WriterOptions = {
  /** The file that collects the bytes. */
  readonly path: string;
  /** Where the blob belongs. */
  readonly target: (digest: Digest) => string;
  readonly digest?: Digest;
  /** The exact size, when it is known. */
  readonly size?: number;
  readonly maxBytes: number;
  /** Keep the bytes for a later attempt when disposed without commit, and go on from those of an earlier one. */
  readonly resumable: boolean;
  readonly onClose: () => void;
};

export class FileBlobWriter implements BlobWriter {
  readonly #file: FileHandle;
  readonly #options: WriterOptions;
  #hash: Hash;
  #bytes: number;
  /** `spoilt` bytes are of no use to a later attempt. */
  #state: 'open' | 'spoilt' | 'closed' = 'open';

  private constructor(file: FileHandle, options: WriterOptions, held: { hash: Hash; bytes: number }) {
    this.#file = file;
    this.#options = options;
    this.#hash = held.hash;
    this.#bytes = held.bytes;
  }

  static async open(options: WriterOptions): Promise<FileBlobWriter> {
    let file: FileHandle | undefined;
    try {
      file = await open(options.path, options.resumable ? 'a+' : 'ax', 0o600);
      const writer = new FileBlobWriter(file, options, { hash: createHash('sha256'), bytes: 0 });
      await writer.#takeHeldBytes();
      return writer;
    } catch (error) {
      await file?.close();
      options.onClose();
      throw asDiskError(error, options.path);
    }
  }

  get bytesWritten(): number {
    return this.#bytes;
  }

  async write(chunk: Uint8Array): Promise<void> {
    const { size, maxBytes, path } = this.#options;
    const bytes = this.#bytes + chunk.byteLength;
    if (size !== undefined && bytes > size)
      throw this.#spoil('sizeMismatch', `is larger than its ${size} bytes`);
    if (bytes > maxBytes) throw this.#spoil('tooLarge', `is larger than ${maxBytes} bytes`);
    try {
      await this.#file.appendFile(chunk);
    } catch (error) {
      // How much of the chunk reached the file is unknown, so the hash no longer describes it.
      this.#state = 'spoilt';
      throw asDiskError(error, path);
    }
    this.#hash.update(chunk);
    this.#bytes = bytes;
  }

  async reset(): Promise<void> {
    await this.#file.truncate(0);
    this.#hash = createHash('sha256');
    this.#bytes = 0;
    this.#state = 'open';
  }

  async commit(digest = this.#options.digest): Promise<Digest> {
    if (digest === undefined) throw new TypeError('A blob is committed under a digest');
    const { size, path, target } = this.#options;
    if (size !== undefined && this.#bytes !== size) {
      throw this.#spoil('sizeMismatch', `has ${this.#bytes} bytes, not ${size}`, digest);
    }
    const found = `sha256:${this.#hash.copy().digest('hex')}`;
    if (found !== digest) throw this.#spoil('digestMismatch', `has other bytes: they make ${found}`, digest);
    try {
      await this.#file.sync();
    } catch (error) {
      this.#state = 'spoilt';
      throw asDiskError(error, path);
    }
    await this.#file.close();
    try {
      await renameDurably(path, target(digest));
    } catch (error) {
      throw asDiskError(error, path);
    }
    this.#close();
    return digest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === 'closed') return;
    const keep = this.#options.resumable && this.#state === 'open' && this.#bytes > 0;
    await this.#file.close();
    if (!keep) await rm(this.#options.path, { force: true });
    this.#close();
  }

  async #takeHeldBytes(): Promise<void> {
    const { size: held } = await this.#file.stat();
    const limit = this.#options.size ?? this.#options.maxBytes;
    if (held > limit) return this.reset();
    if (held > 0) await this.#hashHeldBytes();
    this.#bytes = held;
  }

  /** As the disk has them: an attempt that was killed when its fsync had failed left bytes that only the system remembers. [G8] */
  async #hashHeldBytes(): Promise<void> {
    const { path } = this.#options;
    if (!forgetUnwritten(path) && (await readFromDisk(path, (piece) => void this.#hash.update(piece))))
      return;
    for await (const chunk of createReadStream(path)) this.#hash.update(chunk as Buffer);
  }

  #close(): void {
    this.#state = 'closed';
    this.#options.onClose();
  }

  #spoil(
    code: 'sizeMismatch' | 'digestMismatch' | 'tooLarge',
    what: string,
    digest = this.#options.digest,
  ): SyncError {
    this.#state = 'spoilt';
    return new SyncError(code, `The blob ${digest ?? 'being written'} ${what}`, {
      hint: 'It was damaged on its way or at its source; nothing of it was kept.',
    });
  }
}
