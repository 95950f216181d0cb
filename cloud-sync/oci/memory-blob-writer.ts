import { digestOf, type Digest } from '../../lib/digest.ts';
import { SyncError } from '../errors.ts';
import type { BlobWriter } from './blob-writer.ts';

/** Takes a small blob into memory. */
export class MemoryBlobWriter implements BlobWriter {
  readonly #maxBytes: number;
  #chunks: Uint8Array[] = [];
  #bytes = 0;

  constructor({ maxBytes }: { readonly maxBytes: number }) {
    this.#maxBytes = maxBytes;
  }

  get bytesWritten(): number {
    return this.#bytes;
  }

  /** What has been written. */
  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  write(chunk: Uint8Array): Promise<void> {
    this.#bytes += chunk.byteLength;
    if (this.#bytes > this.#maxBytes)
      return Promise.reject(new SyncError('tooLarge', `The blob is larger than ${this.#maxBytes} bytes`));
    this.#chunks.push(Uint8Array.from(chunk));
    return Promise.resolve();
  }

  reset(): Promise<void> {
    [this.#chunks, this.#bytes] = [[], 0];
    return Promise.resolve();
  }

  commit(digest: Digest): Promise<Digest> {
    const found = digestOf(this.bytes());
    if (found === digest) return Promise.resolve(digest);
    return Promise.reject(
      new SyncError('digestMismatch', `The blob ${digest} has other bytes: they make ${found}`),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.reset();
  }
}
