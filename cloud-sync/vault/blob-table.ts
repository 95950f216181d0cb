import type { BlobId, BlobType } from './format/blob-id.ts';
import type { BlobLocation, PackContents, PackedBlob } from './repository.ts';

const idBytes = 32;
const idWords = 8;
/** Words of an entry: pack and type, offset, length, plain length + 1 (0 when not compressed), next entry of the pack + 1. */
const entryWords = 5;
const typeBits: Record<BlobType, number> = { data: 0, tree: 1 };

/**
 * Blobs by id in flat arrays, open addressing: about 60 bytes a blob where objects would take 400. A blob that lies in several packs has
 * several entries.
 */
export class BlobTable {
  #count = 0;
  #ids = new Uint32Array(0);
  #entries = new Uint32Array(0);
  /** Entry + 1; 0 is free. */
  #slots = new Uint32Array(16);
  readonly #packs: string[] = [];
  readonly #packNumbers = new Map<string, number>();
  /** Of each pack: the last entry + 1, from where they are chained. */
  readonly #chains: number[] = [];
  readonly #wanted = Buffer.alloc(idBytes);
  readonly #wantedWords = new Uint32Array(this.#wanted.buffer, this.#wanted.byteOffset, idWords);

  get count(): number {
    return this.#count;
  }

  /** One that can be added to without changing this. */
  copy(): BlobTable {
    const copy = new BlobTable();
    copy.#count = this.#count;
    copy.#ids = resized(this.#ids, this.#count * idWords);
    copy.#entries = resized(this.#entries, this.#count * entryWords);
    copy.#packs.push(...this.#packs);
    copy.#chains.push(...this.#chains);
    for (const [pack, number] of this.#packNumbers) copy.#packNumbers.set(pack, number);
    copy.#rehash();
    return copy;
  }

  /** What is there already is not added again: index files may name a pack twice. */
  add({ pack, blobs }: PackContents): void {
    const number = this.#packNumber(pack);
    this.#reserve(blobs.length);
    for (const blob of blobs) this.#addBlob(number, blob);
  }

  find(id: BlobId, type: BlobType): BlobLocation | undefined {
    for (const entry of this.#matches(id, type)) return this.#location(entry);
    return undefined;
  }

  has(id: BlobId, type: BlobType): boolean {
    return this.#next(this.#firstSlot(id), typeBits[type]) >= 0;
  }

  locations(id: BlobId, type: BlobType): BlobLocation[] {
    return Array.from(this.#matches(id, type), (entry) => this.#location(entry));
  }

  /** Each pack with its blobs by offset. */
  *packs(): Generator<PackContents, undefined> {
    for (const [number, pack] of this.#packs.entries()) {
      const blobs: PackedBlob[] = [];
      for (let next = this.#chains[number] ?? 0; next !== 0; next = this.#word(next - 1, 4)) {
        blobs.push(this.#packedBlob(next - 1));
      }
      yield { pack, blobs: blobs.sort((one, other) => one.offset - other.offset) };
    }
  }

  #packNumber(pack: string): number {
    const known = this.#packNumbers.get(pack);
    if (known !== undefined) return known;
    this.#chains.push(0);
    this.#packNumbers.set(pack, this.#packs.length);
    return this.#packs.push(pack) - 1;
  }

  #addBlob(pack: number, { id, type, offset, length, uncompressedLength }: PackedBlob): void {
    const packAndType = pack * 2 + typeBits[type];
    let slot = this.#firstSlot(id);
    for (; this.#slots[slot] !== 0; slot = (slot + 1) % this.#slots.length) {
      const entry = (this.#slots[slot] ?? 0) - 1;
      const same = this.#word(entry, 0) === packAndType && this.#word(entry, 1) === offset;
      if (same && this.#isWanted(entry)) return;
    }
    const plain = uncompressedLength === undefined ? 0 : uncompressedLength + 1;
    this.#ids.set(this.#wantedWords, this.#count * idWords);
    this.#entries.set(
      [packAndType, offset, length, plain, this.#chains[pack] ?? 0],
      this.#count * entryWords,
    );
    this.#count += 1;
    this.#slots[slot] = this.#count;
    this.#chains[pack] = this.#count;
  }

  *#matches(id: BlobId, type: BlobType): Generator<number, undefined> {
    const typeBit = typeBits[type];
    let slot = this.#next(this.#firstSlot(id), typeBit);
    while (slot >= 0) {
      yield (this.#slots[slot] ?? 0) - 1;
      // Another look-up may have happened in between.
      this.#wanted.write(id, 'hex');
      slot = this.#next((slot + 1) % this.#slots.length, typeBit);
    }
  }

  /** Where the probing for an id starts, which becomes the one that is wanted. */
  #firstSlot(id: BlobId): number {
    this.#wanted.write(id, 'hex');
    return (this.#wantedWords[0] ?? 0) % this.#slots.length;
  }

  /** The first slot from `from` on with the wanted id in the type; -1 for none. */
  #next(from: number, typeBit: number): number {
    for (let slot = from; this.#slots[slot] !== 0; slot = (slot + 1) % this.#slots.length) {
      const entry = (this.#slots[slot] ?? 0) - 1;
      if (this.#word(entry, 0) % 2 === typeBit && this.#isWanted(entry)) return slot;
    }
    return -1;
  }

  #isWanted(entry: number): boolean {
    for (let word = 0; word < idWords; word += 1) {
      if (this.#ids[entry * idWords + word] !== this.#wantedWords[word]) return false;
    }
    return true;
  }

  #word(entry: number, word: number): number {
    return this.#entries[entry * entryWords + word] ?? 0;
  }

  #location(entry: number): BlobLocation {
    const plain = this.#word(entry, 3);
    return {
      pack: this.#packs[Math.floor(this.#word(entry, 0) / 2)] ?? '',
      offset: this.#word(entry, 1),
      length: this.#word(entry, 2),
      ...(plain > 0 && { uncompressedLength: plain - 1 }),
    };
  }

  #packedBlob(entry: number): PackedBlob {
    const bytes = Buffer.from(this.#ids.buffer, entry * idBytes, idBytes);
    const { pack: _, ...location } = this.#location(entry);
    return {
      id: bytes.toString('hex') as BlobId,
      type: this.#word(entry, 0) % 2 === 1 ? 'tree' : 'data',
      ...location,
    };
  }

  #reserve(more: number): void {
    const needed = this.#count + more;
    if (needed * entryWords > this.#entries.length) {
      const capacity = Math.max(needed, Math.ceil(this.#count * 1.25));
      this.#ids = resized(this.#ids, capacity * idWords);
      this.#entries = resized(this.#entries, capacity * entryWords);
    }
    if (needed * 4 > this.#slots.length * 3) this.#rehash();
  }

  /** Slots for all that has room, at most three quarters of them taken. */
  #rehash(): void {
    const capacity = this.#entries.length / entryWords;
    this.#slots = new Uint32Array(Math.max(16, 2 ** Math.ceil(Math.log2(capacity * 1.4))));
    for (let entry = 0; entry < this.#count; entry += 1) {
      let slot = (this.#ids[entry * idWords] ?? 0) % this.#slots.length;
      while (this.#slots[slot] !== 0) slot = (slot + 1) % this.#slots.length;
      this.#slots[slot] = entry + 1;
    }
  }
}

function resized(words: Uint32Array, length: number): Uint32Array<ArrayBuffer> {
  const copy = new Uint32Array(length);
  copy.set(words.subarray(0, length));
  return copy;
}
