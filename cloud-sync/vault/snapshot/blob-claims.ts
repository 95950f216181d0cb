import { BlobTable } from '../blob-table.ts';
import type { BlobIndex, SharedBlobs } from '../repository.ts';

/** What threads share: made by `createBlobClaims`, opened by each with `new BlobClaims`. */
export type SharedClaims = {
  /** What was there before. */
  readonly known: SharedBlobs;
  /** How many entries there are; then, for each bucket, the number of its newest entry, from 1, or 0. */
  readonly buckets: SharedArrayBuffer;
  /** Nine words each: the eight of an id, and the number of the next older entry of the bucket. */
  readonly entries: SharedArrayBuffer;
};

const entryWords = 9;
const bucketCount = 1 << 20;
/**
 * Ids that can be claimed beside those known before. Memory is taken as they come. Beyond them a blob may be stored twice, which costs
 * room and no more.
 */
const maxNew = 1 << 22;

/** With all data blobs of an index claimed. */
export function createBlobClaims(index: Pick<BlobIndex, 'shared'>): SharedClaims {
  return {
    known: index.shared(),
    buckets: new SharedArrayBuffer(4 * (1 + bucketCount)),
    entries: new SharedArrayBuffer(4 * entryWords * maxNew),
  };
}

/** SHA-256 spreads evenly: any of its bits do. */
function bucketOf(firstWord: number): number {
  return 1 + (firstWord & (bucketCount - 1));
}

/**
 * Ids of blobs that are in the repository or that some thread is storing. Many threads use it at once without locks: an entry is
 * written whole and then put at the head of its bucket in one step; entries are never changed or taken out.
 */
export class BlobClaims {
  readonly #known: Pick<BlobTable, 'hasBytes'>;
  readonly #buckets: Int32Array;
  readonly #entries: Int32Array;
  readonly #capacity: number;
  readonly #id = new Uint8Array(32);
  /** Of the id that is being claimed. */
  readonly #words = new Int32Array(this.#id.buffer);

  constructor({ known, buckets, entries }: SharedClaims) {
    this.#known = BlobTable.ofShared(known);
    this.#buckets = new Int32Array(buckets);
    this.#entries = new Int32Array(entries);
    this.#capacity = Math.floor(this.#entries.length / entryWords);
  }

  /** Whether the caller is the first to ask for `id` (32 bytes), and so the one to store it. */
  claim(id: Uint8Array): boolean {
    if (this.#known.hasBytes(id, 'data')) return false;
    this.#id.set(id);
    const bucket = bucketOf(this.#words[0] ?? 0);
    let head = Atomics.load(this.#buckets, bucket);
    if (this.#contains(head, 0)) return false;
    const number = Atomics.add(this.#buckets, 0, 1) + 1;
    if (number > this.#capacity) return true;
    const at = (number - 1) * entryWords;
    for (let word = 0; word < 8; word += 1) this.#entries[at + word] = this.#words[word] ?? 0;
    for (;;) {
      this.#entries[at + 8] = head;
      const seen = Atomics.compareExchange(this.#buckets, bucket, head, number);
      if (seen === head) return true;
      // Somebody was quicker. What is new since then may be this very id; our entry is then left unused.
      if (this.#contains(seen, head)) return false;
      head = seen;
    }
  }

  /** Whether it is among the entries from `from` up to, and without, `until`. */
  #contains(from: number, until: number): boolean {
    for (let number = from; number !== until;) {
      const at = (number - 1) * entryWords;
      if (this.#isAt(at)) return true;
      number = this.#entries[at + 8] ?? 0;
    }
    return false;
  }

  #isAt(at: number): boolean {
    for (let word = 0; word < 8; word += 1) {
      if (this.#entries[at + word] !== this.#words[word]) return false;
    }
    return true;
  }
}
