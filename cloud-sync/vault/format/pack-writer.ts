import { createHash } from 'node:crypto';
import type { PackContents, PackedBlob } from '../repository.ts';
import type { BlobId, BlobType } from './blob-id.ts';
import { encodePackHeader, headerBytes, headerEntryBytes } from './pack-header.ts';
import { sealOverheadBytes, type Sealer } from './sealer.ts';

/** A pack of the usual 16 MiB fits without growing; memory that is not written to is not taken from the system. */
const firstCapacityBytes = 18 * 1024 * 1024;

type BlobNames = {
  readonly type: BlobType;
  readonly id: BlobId;
  readonly uncompressedLength?: number | undefined;
};

export type BlobToPack = BlobNames & { readonly sealed: Uint8Array };
/** What `storedForm` gives of it. */
export type BlobToSeal = BlobNames & { readonly bytes: Uint8Array };

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

  /** `memory`: to begin in, instead of memory of its own. */
  constructor({ memory }: { readonly memory?: Buffer<ArrayBuffer> } = {}) {
    this.#buffer = memory ?? Buffer.allocUnsafeSlow(firstCapacityBytes);
  }

  /** Of the whole pack, were it finished now. */
  get byteLength(): number {
    return this.#blobsBytes + headerBytes(this.#entriesBytes);
  }

  get blobCount(): number {
    return this.#blobs.length;
  }

  /** Copies the blob. Data and trees may not share a pack: that throws a RangeError. */
  add({ sealed, ...blob }: BlobToPack): void {
    const place = this.#room(sealed.byteLength);
    place.set(sealed);
    this.#append(place, blob);
  }

  /** Seals the blob in its place. As for `add`. */
  seal({ bytes, ...blob }: BlobToSeal, sealer: Sealer): void {
    const place = this.#room(bytes.byteLength + sealOverheadBytes);
    sealer.sealInto(place, bytes);
    this.#append(place, blob);
  }

  /** The pack with its header. To be called once, after at least one blob. */
  finish(sealer: Sealer): FinishedPack {
    if (this.#blobs.length === 0) throw new RangeError('A pack without blobs cannot be finished');
    const byteLength = this.byteLength;
    const header = encodePackHeader(sealer, this.#blobs);
    const place = this.#room(header.byteLength);
    place.set(header);
    const name = this.#hash.update(place).digest('hex');
    const contents = { pack: name, blobs: this.#blobs };
    return { name, bytes: this.#buffer.subarray(0, byteLength), contents };
  }

  /** What lies in the room behind the others is now one of them. */
  #append(place: Buffer, { type, id, uncompressedLength }: BlobNames): void {
    const first = this.#blobs[0];
    if (first !== undefined && first.type !== type) {
      throw new RangeError(`A ${type} blob cannot go into a pack of ${first.type} blobs`);
    }
    const [offset, length] = [this.#blobsBytes, place.byteLength];
    const compressed = uncompressedLength === undefined ? {} : { uncompressedLength };
    const blob: PackedBlob = { id, type, offset, length, ...compressed };
    this.#hash.update(place);
    this.#blobsBytes += length;
    this.#entriesBytes += headerEntryBytes(blob);
    this.#blobs.push(blob);
  }

  /** So many bytes behind the last blob. */
  #room(length: number): Buffer<ArrayBuffer> {
    const end = this.#blobsBytes + length;
    if (end > this.#buffer.byteLength) {
      const larger = Buffer.allocUnsafeSlow(Math.max(end, 2 * this.#buffer.byteLength));
      larger.set(this.#buffer.subarray(0, this.#blobsBytes));
      this.#buffer = larger;
    }
    return this.#buffer.subarray(this.#blobsBytes, end);
  }
}
