import { hash, randomFillSync } from 'node:crypto';
import { storedForm } from '../format/blob-codec.ts';
import type { BlobId } from '../format/blob-id.ts';
import { PackWriter } from '../format/pack-writer.ts';
import type { Sealer } from '../format/sealer.ts';
import type { PackContents } from '../repository.ts';
import type { BlobClaims } from './blob-claims.ts';
import { packTargetBytes } from './snapshot-limits.ts';

export type FinishedPack = { readonly contents: PackContents; readonly bytes: Uint8Array };

export type BlobPackerOptions = {
  readonly sealer: Sealer;
  readonly claims: BlobClaims;
  /** Of zstd; 0 for none. */
  readonly level: number;
  /** For a pack, `packCapacityBytes` of it. */
  readonly takeMemory: () => Buffer<ArrayBuffer>;
  readonly onPack: (pack: FinishedPack) => void;
};

/** Below this there is one pack: small snapshots do not leave more small files than they must. */
const secondPackAtBytes = 1024 * 1024;

/**
 * Stores what nobody has claimed yet in one of two open packs at random: which files lie together, and in which order, cannot be told
 * from the lengths of a pack's blobs.
 */
export class BlobPacker {
  readonly #options: BlobPackerOptions;
  readonly #open: PackWriter[] = [];
  readonly #random = Buffer.alloc(1024);
  #randomAt = 1024;

  constructor(options: BlobPackerOptions) {
    this.#options = options;
  }

  /** Its id, 32 bytes. `plain` may be written over once this returns. */
  add(plain: Uint8Array): Buffer {
    const { claims, sealer, level } = this.#options;
    const id = hash('sha256', plain, 'buffer');
    if (!claims.claim(id)) return id;
    const pack = this.#pick();
    pack.seal({ type: 'data', id: id.toString('hex') as BlobId, ...storedForm(plain, level) }, sealer);
    if (pack.byteLength >= packTargetBytes) {
      this.#open.splice(this.#open.indexOf(pack), 1);
      this.#finish(pack);
    }
    return id;
  }

  /** Hands over what is open. */
  flush(): void {
    for (const pack of this.#open.splice(0)) if (pack.blobCount > 0) this.#finish(pack);
  }

  #pick(): PackWriter {
    const [first] = this.#open;
    const { takeMemory } = this.#options;
    const wanted = first === undefined || first.byteLength < secondPackAtBytes ? 1 : 2;
    while (this.#open.length < wanted) this.#open.push(new PackWriter({ memory: takeMemory() }));
    return this.#open[this.#randomByte() % this.#open.length] ?? this.#pick();
  }

  #randomByte(): number {
    if (this.#randomAt === this.#random.length) {
      randomFillSync(this.#random);
      this.#randomAt = 0;
    }
    this.#randomAt += 1;
    return this.#random.readUInt8(this.#randomAt - 1);
  }

  #finish(pack: PackWriter): void {
    const { bytes, contents } = pack.finish(this.#options.sealer);
    this.#options.onPack({ bytes, contents });
  }
}
