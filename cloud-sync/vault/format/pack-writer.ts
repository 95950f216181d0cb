import { createHash } from 'node:crypto';
import type { PackContents, PackedBlob } from '../repository.ts';
import type { BlobId, BlobType } from './blob-id.ts';
import { encodePackHeader, headerBytes, headerEntryBytes } from './pack-header.ts';
import type { Sealer } from './sealer.ts';

/** A pack of the usual 16 MiB fits without growing; memory that is not written to is not taken from the system. */
const firstCapacityBytes = 18 * 1024 * 1024;

export type BlobToPack = {
  readonly type: BlobType;
  readonly id: BlobId;
  readonly sealed: Uint8Array;
  readonly uncompressedLength?: number | undefined;
};

export type FinishedPack = {
  /** SHA-256 of `bytes`. */
  readonly name: string;
  /** Of a buffer of its own, which may be handed to another thread. */
  readonly bytes: Buffer<ArrayBuffer>;
  readonly contents: PackContents;
};

/** Collects sealed blobs of one type, hashing as they come. */
export class PackWriter {
  #buffer: Buffer<ArrayBuffer>;
  #blobsBytes = 0;
  #entriesBytes = 0;
  readonly #blobs: PackedBlob[] = [];
  readonly #hash = createHash('sha256');

  constructor({ capacityBytes = firstCapacityBytes }: { readonly capacityBytes?: number } = {}) {
    this.#buffer = Buffer.allocUnsafeSlow(capacityBytes);
  }

  /** Of the whole pack, were it finished now. */
  get byteLength(): number {
    return this.#blobsBytes + headerBytes(this.#entriesBytes);
  }

  get blobCount(): number {
    return this.#blobs.length;
  }

  /** Copies the blob. Data and trees may not share a pack: that throws a RangeError. */
  add({ type, id, sealed, uncompressedLength }: BlobToPack): void {
    const first = this.#blobs[0];
    if (first !== undefined && first.type !== type) {
      throw new RangeError(`A ${type} blob cannot go into a pack of ${first.type} blobs`);
    }
    const blob: PackedBlob = {
      id,
      type,
      offset: this.#blobsBytes,
      length: sealed.byteLength,
      ...(uncompressedLength !== undefined && { uncompressedLength }),
    };
    this.#append(sealed);
    this.#blobsBytes += sealed.byteLength;
    this.#entriesBytes += headerEntryBytes(blob);
    this.#blobs.push(blob);
  }

  /** The pack with its header. To be called once, after at least one blob. */
  finish(sealer: Sealer): FinishedPack {
    if (this.#blobs.length === 0) throw new RangeError('A pack without blobs cannot be finished');
    const byteLength = this.byteLength;
    this.#append(encodePackHeader(sealer, this.#blobs));
    const name = this.#hash.digest('hex');
    const contents = { pack: name, blobs: this.#blobs };
    return { name, bytes: this.#buffer.subarray(0, byteLength), contents };
  }

  #append(bytes: Uint8Array): void {
    const end = this.#blobsBytes + bytes.byteLength;
    if (end > this.#buffer.byteLength) {
      const larger = Buffer.allocUnsafeSlow(Math.max(end, 2 * this.#buffer.byteLength));
      larger.set(this.#buffer.subarray(0, this.#blobsBytes));
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, this.#blobsBytes);
    this.#hash.update(bytes);
  }
}
