import { randomInt } from 'node:crypto';
import type { BlobId, BlobType } from './format/blob-id.ts';
import type { BlobLocation, PackContents, PackedBlob, SharedBlobs } from './repository.ts';

const idBytes = 32;
const idWords = 8;
/** Words of an entry: pack and type, offset, length, plain length + 1 (0 when not compressed), next entry of the pack + 1, and of the bucket. */
const entryWords = 6;
const nextOfPack = 4;
const nextOfBucket = 5;
const maxWord = 2 ** 32 - 1;
const typeBits: Record<BlobType, number> = { data: 0, tree: 1 };

type Words = Uint32Array;

/** A table as it lies in memory: of each pack its id and its last entry + 1; the arrays, of which none has room for more. */
export type TableParts = {
  readonly packs: readonly string[];
  readonly chains: readonly number[];
  readonly factors: Words;
  readonly ids: Words;
  readonly entries: Words;
  readonly buckets: Words;
};

const sharedLists = ['factors', 'ids', 'entries', 'buckets'] as const;

/**
 * Blobs by id in flat arrays: about 64 bytes a blob where objects would take 400. A blob that lies in several packs has several entries.
 * Who can write an index can choose ids; the hash has random factors, which copies keep, so that they cannot choose such as fall together.
 */
export class BlobTable {
  #count = 0;
  #ids: Words = new Uint32Array(0);
  #entries: Words = new Uint32Array(0);
  /** Of each bucket, of which there is a power of two: its first entry + 1; 0 is none. */
  #buckets: Words = new Uint32Array(16);
  #factors: Words = Uint32Array.from({ length: idWords }, oddWord);
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
    return BlobTable.copyOf(this.parts);
  }

  /** Of the parts of another, which it leaves as they are. */
  static copyOf({ ids, entries, buckets, ...parts }: TableParts): BlobTable {
    return BlobTable.of({
      ...parts,
      ...{ ids: ids.slice(), entries: entries.slice(), buckets: buckets.slice() },
    });
  }

  /** For `of`. They are this table's own. */
  get parts(): TableParts {
    return {
      ...{ packs: this.#packs, chains: this.#chains, factors: this.#factors, buckets: this.#buckets },
      ids: this.#ids.subarray(0, this.#count * idWords),
      entries: this.#entries.subarray(0, this.#count * entryWords),
    };
  }

  /** Of the parts of another. What is added to it changes their arrays. */
  static of({ packs, chains, factors, ids, entries, buckets }: TableParts): BlobTable {
    const table = new BlobTable();
    table.#count = ids.length / idWords;
    [table.#factors, table.#ids, table.#entries, table.#buckets] = [factors, ids, entries, buckets];
    for (const [number, pack] of packs.entries()) {
      table.#packs.push(pack);
      table.#packNumbers.set(pack, number);
      table.#chains.push(chains[number] ?? 0);
    }
    return table;
  }

  /** What is there already is not added again: index files may name a pack twice. */
  add({ pack, blobs }: PackContents): void {
    const isNew = !this.#packNumbers.has(pack);
    const number = this.#packNumber(pack);
    this.#reserve(blobs.length);
    if (isNew && isInOrder(blobs)) {
      for (const blob of blobs) this.#addBlob(number, blob);
      return;
    }
    const known = new Set(Array.from(this.#blobsOf(number), placeOf));
    for (const blob of blobs) {
      const place = placeOf(blob);
      if (!known.has(place)) this.#addBlob(number, blob);
      known.add(place);
    }
  }

  find(id: BlobId, type: BlobType): BlobLocation | undefined {
    for (const entry of this.#matches(id, type)) return this.#location(entry);
    return undefined;
  }

  has(id: BlobId, type: BlobType): boolean {
    return this.#next(this.#first(id), typeBits[type]) !== 0;
  }

  /** As `has`. `id`: 32 bytes. */
  hasBytes(id: Uint8Array, type: BlobType): boolean {
    this.#wanted.set(id);
    return this.#next(this.#bucketHead(), typeBits[type]) !== 0;
  }

  locations(id: BlobId, type: BlobType): BlobLocation[] {
    return Array.from(this.#matches(id, type), (entry) => this.#location(entry));
  }

  /** Each pack with its blobs by offset. */
  *packs(): Generator<PackContents, undefined> {
    for (const [number, pack] of this.#packs.entries()) {
      const blobs = [...this.#blobsOf(number)];
      yield { pack, blobs: blobs.sort((one, other) => one.offset - other.offset) };
    }
  }

  /** A copy for `ofShared`. */
  shared(): SharedBlobs {
    const { parts } = this;
    const lists = sharedLists.map((name) => [name, sharedCopyOf(parts[name])] as const);
    return Object.fromEntries(lists) as SharedBlobs;
  }

  /** Of what another `shared`. It knows no packs. */
  static ofShared(shared: SharedBlobs): Pick<BlobTable, 'hasBytes'> {
    const lists = sharedLists.map((name) => [name, new Uint32Array(shared[name])] as const);
    const words = Object.fromEntries(lists) as Pick<TableParts, (typeof sharedLists)[number]>;
    return BlobTable.of({ ...words, packs: [], chains: [] });
  }

  /** Where the last blob of a pack ends; 0 for an unknown one. */
  endOf(pack: string): number {
    const number = this.#packNumbers.get(pack);
    let end = 0;
    let next = number === undefined ? 0 : (this.#chains[number] ?? 0);
    for (; next !== 0; next = this.#word(next - 1, nextOfPack)) {
      end = Math.max(end, this.#word(next - 1, 1) + this.#word(next - 1, 2));
    }
    return end;
  }

  *#blobsOf(pack: number): Generator<PackedBlob, undefined> {
    for (let next = this.#chains[pack] ?? 0; next !== 0; next = this.#word(next - 1, nextOfPack)) {
      yield this.#packedBlob(next - 1);
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
    const plain = uncompressedLength === undefined ? 0 : uncompressedLength + 1;
    this.#wanted.write(id, 'hex');
    this.#ids.set(this.#wantedWords, this.#count * idWords);
    const at = this.#count * entryWords;
    this.#entries[at] = packAndType;
    this.#entries[at + 1] = offset;
    this.#entries[at + 2] = length;
    this.#entries[at + 3] = plain;
    this.#entries[at + nextOfPack] = this.#chains[pack] ?? 0;
    this.#putIntoBucket(this.#count);
    this.#count += 1;
    this.#chains[pack] = this.#count;
  }

  *#matches(id: BlobId, type: BlobType): Generator<number, undefined> {
    const typeBit = typeBits[type];
    let entry = this.#next(this.#first(id), typeBit);
    while (entry !== 0) {
      yield entry - 1;
      // Another look-up may have happened in between.
      this.#wanted.write(id, 'hex');
      entry = this.#next(this.#word(entry - 1, nextOfBucket), typeBit);
    }
  }

  /** The first entry + 1 of the bucket of an id, which becomes the one that is wanted. */
  #first(id: BlobId): number {
    this.#wanted.write(id, 'hex');
    return this.#bucketHead();
  }

  /** The first entry + 1 of the bucket of the wanted id. */
  #bucketHead(): number {
    return this.#buckets[this.#bucketOf(this.#wantedWords, 0)] ?? 0;
  }

  /** The first entry + 1, from this one on in its bucket, with the wanted id in the type; 0 for none. */
  #next(from: number, typeBit: number): number {
    for (let next = from; next !== 0; next = this.#word(next - 1, nextOfBucket)) {
      if (this.#word(next - 1, 0) % 2 === typeBit && this.#isWanted(next - 1)) return next;
    }
    return 0;
  }

  /** Multiply and shift: the upper bits depend on all words. */
  #bucketOf(ids: Uint32Array, at: number): number {
    let mixed = 0;
    for (let word = 0; word < idWords; word += 1) {
      mixed = (mixed + Math.imul(ids[at + word] ?? 0, this.#factors[word] ?? 1)) | 0;
    }
    return mixed >>> (Math.clz32(this.#buckets.length) + 1);
  }

  #putIntoBucket(entry: number): void {
    const bucket = this.#bucketOf(this.#ids, entry * idWords);
    this.#entries[entry * entryWords + nextOfBucket] = this.#buckets[bucket] ?? 0;
    this.#buckets[bucket] = entry + 1;
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
    const bytes = Buffer.from(this.#ids.buffer, this.#ids.byteOffset + entry * idBytes, idBytes);
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
    if (needed > this.#buckets.length) this.#rehash();
  }

  /** A bucket or more for each entry there is room for. */
  #rehash(): void {
    const capacity = this.#entries.length / entryWords;
    this.#buckets = new Uint32Array(Math.max(16, 2 ** Math.ceil(Math.log2(capacity))));
    for (let entry = 0; entry < this.#count; entry += 1) this.#putIntoBucket(entry);
  }
}

/** As nearly all packs are listed: then none is there twice. */
function isInOrder(blobs: readonly PackedBlob[]): boolean {
  let last = -1;
  for (const { offset } of blobs) {
    if (offset <= last) return false;
    last = offset;
  }
  return true;
}

/** The same entry of a pack, when an index names it again. */
function placeOf({ id, offset, type }: PackedBlob): string {
  return `${type} ${offset} ${id}`;
}

function oddWord(): number {
  return randomInt(maxWord) | 1;
}

function resized(words: Uint32Array, length: number): Words {
  const copy = new Uint32Array(length);
  copy.set(words.subarray(0, length));
  return copy;
}

function sharedCopyOf(words: Words): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(words.byteLength);
  new Uint32Array(memory).set(words);
  return memory;
}
